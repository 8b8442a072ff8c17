"""The console in a real browser on a real backend: what a visitor sees, live, and what an operator can do."""

from __future__ import annotations

import re
import time
from urllib.parse import quote

import pytest
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import Select

from backend.saga.events import EventType
from tests.integration import saga_stories as told
from tests.system.browser import CHROMIUM, DRIVER, Browser
from tests.system.console_backend import ConsoleBackend, user_token

pytestmark = pytest.mark.skipif(
    not (CHROMIUM and DRIVER), reason="needs chromium and chromedriver (Debian: chromium-driver)"
)

T = EventType
HOSTILE = '<img src=x onerror="document.title=\'owned\'"><script>document.title="owned"</script>'


@pytest.fixture(scope="module")
def backend(tmp_path_factory):
    made = ConsoleBackend(tmp_path_factory.mktemp("console"))
    now = time.time()
    for number in range(28):
        told.committed(made.log, f"wiki-bulk-{number:02}", now - 600 + number, project="bulk")
    told.committed(made.log, "wiki-ok-1", now - 60, project="ok")
    told.rolled_back(made.log, "wiki-back-1", now - 50, project="back")
    told.taken_over(made.log, "wiki-lost-1", now - 40, project="lost")
    told.failed_early(made.log, "wiki-early-1", now - 30, project="early")
    told.parked(made.log, "wiki-stuck-1", now - 20, project="stuck")
    told.running(made.log, "wiki-busy-1", now - 2, project="busy")
    yield made
    made.stop()


@pytest.fixture(scope="module")
def tab(tmp_path_factory, backend):  # closed before the backend is, which would wait for its streams
    made = Browser(tmp_path_factory.mktemp("profile"))
    yield made
    made.close()


@pytest.fixture
def signed_in(tab, backend):
    """Opens a page of the console as user ada; afterwards the browser must have had nothing to complain about."""

    def visit(page="", token=None):
        tab.driver.get("about:blank")
        tab.driver.get(f"{backend.url}/#token={token or user_token()}")
        tab.until(lambda: tab.one("#live").text == "live" or None, "live")
        if page:
            tab.run("location.hash = arguments[0]", page)
        return tab

    tab.complaints()
    yield visit
    assert tab.complaints() == []


def cells(tab, table):
    """A table's body as the texts of its cells."""
    script = """return [...document.querySelectorAll(`${arguments[0]} tbody tr`)].map((row) =>
        [...row.cells].map((cell) => cell.textContent))"""
    return tab.run(script, table)


def rows(tab):
    return cells(tab, ".sagas")


def row_of(tab, saga_id):
    return tab.until(lambda: next((row for row in rows(tab) if row[1] == saga_id), None), saga_id)


def segments(tab):
    """The timeline's bars: lane, kind, outcome, left and right edge in pixels."""
    script = """return [...document.querySelectorAll(".track .seg")].map((bar) => {
        const box = bar.getBoundingClientRect();
        return [bar.parentElement.dataset.lane, bar.dataset.kind, bar.dataset.outcome, box.left, box.right]; })"""
    return tab.until(lambda: tab.run(script) or None, "a timeline")


def events_of(backend, saga_id):
    return [entry.event for entry in backend.log.events(saga_id)]


# Signing in


def test_without_a_token_the_page_asks_for_one_and_says_how_to_get_it(tab, backend):
    tab.driver.get(f"{backend.url}/")
    tab.run("sessionStorage.clear()")
    tab.driver.refresh()
    assert "testbed token --user NAME" in tab.text("form.sign-in")
    assert tab.driver.switch_to.active_element.get_attribute("id") == "token"
    tab.one("#token").send_keys(user_token(user="grace"), Keys.ENTER)
    assert tab.shows("Success rate")
    assert "grace · all projects" in tab.text("header")


def test_a_token_in_the_address_signs_in_and_leaves_the_address(signed_in, backend):
    tab = signed_in(token=user_token("ok"))
    assert tab.driver.current_url == f"{backend.url}/#/"
    assert "project ok" in tab.text("header")
    assert tab.run("return [sessionStorage.length > 0, localStorage.length, document.cookie]") == [True, 0, ""]
    assert user_token("ok")[:20] not in tab.run("return document.documentElement.outerHTML")


@pytest.mark.parametrize("token", ["not-a-token", user_token(lifetime=-60.0)])
def test_a_token_that_is_not_accepted_says_what_to_do(tab, backend, token):
    tab.driver.get("about:blank")
    tab.driver.get(f"{backend.url}/#token={quote(token)}")
    assert tab.shows("did not accept the token", "form.sign-in")
    assert "testbed token --user NAME" in tab.text("form.sign-in")
    assert tab.run("return sessionStorage.getItem('testbed-token')") is None


def test_signing_out_forgets_the_token(signed_in):
    tab = signed_in()
    tab.one("#sign-out").click()
    assert tab.one("form.sign-in")
    tab.driver.refresh()
    assert tab.one("form.sign-in")


# The overview


def test_the_overview_says_what_the_system_does_and_how_well(signed_in):
    tab = signed_in()
    assert tab.shows("nothing is left behind")
    assert tab.shows("of 34 sagas")
    tiles = {tile.text.split("\n")[0]: tile.text for tile in tab.all(".tile")}
    assert "87.9 %" in tiles["Success rate"]  # 29 committed of 33 decided
    assert "9.1 %" in tiles["Rollback rate"]
    assert re.search(r"p50\s+391 ms\s+p95\s+391 ms\s+p99\s+391 ms", tiles["Generation"])
    assert "p99" in tiles["Rollback"]
    assert "1" in tiles["Dead letters"]
    assert tab.text(".failures").split("\n")[1:] == [told.SNAPSHOT, "4", told.FILES, "2"]


def test_another_window_of_time_changes_the_figures(signed_in):
    tab = signed_in()
    tab.shows("of 34 sagas")
    Select(tab.one("#window")).select_by_visible_text("24 hours")
    assert tab.shows("of 34 sagas")
    assert tab.run("return sessionStorage.getItem('testbed-window')") == "86400"


def test_sagas_are_filtered_by_state_and_project_and_the_address_keeps_the_filter(signed_in):
    tab = signed_in()
    row_of(tab, "wiki-busy-1")
    Select(tab.one("#state")).select_by_visible_text("failed")
    tab.until(lambda: [row[1] for row in rows(tab)] == ["wiki-stuck-1"] or None)
    Select(tab.one("#state")).select_by_visible_text("any state")
    tab.one("#project").send_keys("back")
    tab.until(lambda: [row[1] for row in rows(tab)] == ["wiki-back-1"] or None)
    tab.until(lambda: tab.driver.current_url.endswith("#/?project=back") or None)
    tab.one("#project").send_keys("x")
    assert tab.shows("No saga matches these filters")


def test_a_filter_that_no_project_can_match_is_explained(signed_in):
    tab = signed_in("#/?project=a%20b")
    assert tab.shows("project: String should match pattern")
    assert any("400" in complaint for complaint in tab.complaints())  # the browser notes the refused request


def test_pages_lead_to_older_sagas_and_back(signed_in):
    tab = signed_in()
    row_of(tab, "wiki-busy-1")
    first = [row[1] for row in rows(tab)]
    assert len(first) == 25
    tab.one(".pages button:last-child").click()
    older = tab.until(lambda: [r[1] for r in rows(tab)] if "wiki-busy-1" not in [r[1] for r in rows(tab)] else None)
    assert not set(first) & set(older)
    assert "wiki-bulk-00" in older
    tab.one(".pages button:first-child").click()
    row_of(tab, "wiki-busy-1")


def test_an_empty_system_says_what_to_do_first(signed_in):
    tab = signed_in(token=user_token("void"))
    assert tab.shows("testbed ingest --corpus python-topics --project demo")
    assert "No saga was started in this time." in tab.text()
    tab.run("location.hash = '#/dead-letters'")
    assert tab.shows("No rollback is stuck")


# Live


def test_a_saga_appears_and_changes_while_one_looks(signed_in, backend):
    tab = signed_in()
    row_of(tab, "wiki-busy-1")
    tab.run("document.body.dataset.same = 'page'")
    story = told.running(backend.log, "wiki-new-1", time.time(), project="new")
    assert "executing" in row_of(tab, "wiki-new-1")[0]
    story.refused(told.SNAPSHOT, "no").turned_back("no", told.SNAPSHOT)
    tab.until(lambda: "rolling back" in row_of(tab, "wiki-new-1")[0] or None)
    story.undone(told.SNAPSHOT, told.FILES, told.GRAPH).closed("no")
    tab.until(lambda: "rolled back" in row_of(tab, "wiki-new-1")[0] or None)
    assert tab.run("return document.body.dataset.same") == "page"


def test_the_keyboard_keeps_its_place_when_the_list_changes(signed_in, backend):
    tab = signed_in()
    row_of(tab, "wiki-busy-1")
    tab.run("[...document.querySelectorAll('.sagas a')].find((link) => link.textContent === 'wiki-ok-1').focus()")
    told.failed_early(backend.log, "wiki-new-2", time.time(), project="new2")
    row_of(tab, "wiki-new-2")
    assert tab.driver.switch_to.active_element.text == "wiki-ok-1"
    tab.driver.switch_to.active_element.send_keys(Keys.ENTER)
    assert tab.shows("Timeline")


def test_a_running_saga_is_drawn_as_it_goes_on(signed_in, backend):
    story = told.running(backend.log, "wiki-watched-1", time.time(), project="watched")
    tab = signed_in("#/sagas/wiki-watched-1")
    tab.until(lambda: (told.FILES, "do", "running") in [tuple(s[:3]) for s in segments(tab)] or None)
    story.tell(T.STEP_DONE, told.FILES, 0.1, result=None).done(told.SNAPSHOT).tell(T.COMMITTED)
    assert tab.shows("committed", ".standing")
    tab.until(lambda: (told.SNAPSHOT, "do", "done") in [tuple(s[:3]) for s in segments(tab)] or None)
    assert "until every participant has confirmed" in tab.text(".standing")


def test_after_a_restart_of_the_backend_the_page_is_live_again_and_missed_nothing(signed_in, backend):
    tab = signed_in()
    row_of(tab, "wiki-busy-1")
    backend.process.kill()
    tab.until(lambda: tab.text("#live") == "reconnecting" or None, "reconnecting")
    told.failed_early(backend.log, "wiki-meanwhile-1", time.time(), project="meanwhile")
    backend.process.start()
    tab.until(lambda: tab.text("#live") == "live" or None, "live")
    row_of(tab, "wiki-meanwhile-1")
    told.failed_early(backend.log, "wiki-afterwards-1", time.time(), project="afterwards")
    row_of(tab, "wiki-afterwards-1")
    tab.complaints()  # of the connection that was cut


# The timeline


def test_a_rolled_back_saga_shows_its_way_down_and_its_way_back_up(signed_in):
    tab = signed_in("#/sagas/wiki-back-1")
    bars = segments(tab)
    lanes = [label.text for label in tab.all(".labels b")]
    assert lanes == ["Saga", told.GRAPH, told.FILES, told.SNAPSHOT]
    kinds = [(lane, kind, outcome) for lane, kind, outcome, *_ in bars if lane == told.SNAPSHOT]
    tried = (told.SNAPSHOT, "do", "unclear")
    waited = (told.SNAPSHOT, "wait", "done")
    assert kinds == [tried, waited, tried, waited, tried, (told.SNAPSHOT, "undo", "done")]
    undone = sorted((left, lane) for lane, kind, _, left, _ in bars if kind == "undo")
    assert [lane for _, lane in undone] == lanes[:0:-1]  # last in, first out
    band = tab.one(".band.back").rect["x"]
    assert all((left >= band) == (kind == "undo") for lane, kind, _, left, _ in bars)
    assert all(right - left >= 4 for *_, left, right in bars)
    summary = tab.one(".chart").get_attribute("aria-label")
    assert f"{told.SNAPSHOT}: action unclear, action unclear, action unclear, compensation done" in summary


def test_the_events_are_below_with_times_from_the_start(signed_in, backend):
    tab = signed_in("#/sagas/wiki-back-1")
    tab.one(".events tbody tr")
    shown = cells(tab, ".events")
    assert [row[2] for row in shown] == [str(event.type) for event in events_of(backend, "wiki-back-1")]
    assert [row[1] for row in shown[:3]] == ["+0 ms", "+20 ms", "+200 ms"]
    assert shown[9][4].startswith("problem: no answer within 10 s · retry_at: +1.")


def test_the_axis_can_be_true_to_scale(signed_in):
    tab = signed_in("#/sagas/wiki-back-1")
    width = dict.fromkeys((True, False), 0.0)
    for even in width:
        if tab.one("#even").is_selected() is not even:
            tab.one("#even").click()
        width[even] = next(right - left for lane, kind, _, left, right in segments(tab) if lane == told.GRAPH)
    assert width[False] < width[True]  # 30 ms of 3.4 s
    tab.one("#even").click()


def test_a_lost_worker_leaves_an_unclear_call_and_a_mark(signed_in):
    tab = signed_in("#/sagas/wiki-lost-1")
    assert (told.FILES, "do", "lost") in [tuple(bar[:3]) for bar in segments(tab)]
    assert "taken over from host-1" in tab.one('.mark[data-type="takeover"]').get_attribute("title")


def test_a_saga_without_effects_says_so(signed_in):
    tab = signed_in("#/sagas/wiki-early-1")
    assert tab.shows("the project has no documents")
    assert "none was begun" in tab.text(".facts")


def test_an_unknown_saga_is_named_and_leads_back(signed_in):
    tab = signed_in("#/sagas/wiki-none")
    assert tab.shows("no saga 'wiki-none' is in the log")
    assert "All sagas" in tab.text(".notice")
    assert all("404" in complaint for complaint in tab.complaints())


def test_what_a_saga_says_is_text_and_nothing_else(signed_in, backend):
    told.Story(backend.log, "wiki-hostile-1", time.time(), HOSTILE, HOSTILE).begun().refused(told.GRAPH, HOSTILE)
    tab = signed_in("#/sagas/wiki-hostile-1")
    tab.until(lambda: HOSTILE in tab.text(".events") or None)
    assert HOSTILE in tab.text(".facts")
    tab.run("location.hash = '#/'")
    row_of(tab, "wiki-hostile-1")
    assert tab.run("return [document.querySelectorAll('main img, main script').length, document.title]") == [
        0,
        "Overview · saga testbed",
    ]


# Operators


def test_a_dead_letter_shows_its_evidence_and_retry_is_recorded(signed_in, backend):
    told.parked(backend.log, "wiki-stuck-2", time.time(), project="stuck2")
    tab = signed_in("#/dead-letters")
    assert tab.shows("the disk is read-only")
    letter = next(card for card in tab.all(".letter") if "wiki-stuck-2" in card.text)
    assert "2 times" in letter.text
    letter.find_element("css selector", "button").click()
    tab.shows("call the compensation of 'Save wiki files' again", "dialog .plan")
    tab.one("dialog textarea").send_keys("the disk is back")
    tab.one("dialog button.primary").click()
    tab.until(lambda: "wiki-stuck-2" not in tab.text() or None)
    last = events_of(backend, "wiki-stuck-2")[-1]
    assert (last.type, last.data) == (
        T.RETRY_REQUESTED,
        {"by": "ada", "authenticated_as": "ada", "reason": "the disk is back"},
    )


def test_skip_shows_the_dry_run_first_and_asks_for_a_reason(signed_in, backend):
    told.parked(backend.log, "wiki-stuck-3", time.time(), project="stuck3")
    before = len(events_of(backend, "wiki-stuck-3"))
    tab = signed_in("#/sagas/wiki-stuck-3")
    tab.one("button.danger").click()
    tab.shows("It would leave the effect of 'Save wiki files' in place", "dialog .plan")
    tab.one("dialog textarea").send_keys("  ", Keys.TAB, Keys.TAB, Keys.ENTER)
    assert len(events_of(backend, "wiki-stuck-3")) == before
    tab.one("dialog textarea").send_keys("tidied by hand")
    tab.one("dialog button.danger").click()
    tab.until(lambda: "undo.skipped" in tab.text(".events") or None)
    assert tab.one('.mark[data-type="undo.skipped"]').get_attribute("title").endswith("tidied by hand · by ada")
    assert tab.shows("rolling back", ".standing")


def test_escape_leaves_everything_as_it_is_and_gives_the_focus_back(signed_in, backend):
    tab = signed_in("#/sagas/wiki-stuck-1")
    button = tab.one("button.danger")
    button.click()
    tab.one("dialog textarea").send_keys(Keys.ESCAPE)
    tab.until(lambda: not tab.all("dialog") or None)
    assert tab.driver.switch_to.active_element == button
    assert events_of(backend, "wiki-stuck-1")[-1].type is T.PARKED


def test_an_undecided_saga_can_be_cancelled(signed_in, backend):
    told.running(backend.log, "wiki-cancelled-1", time.time(), project="cancelled")
    tab = signed_in("#/sagas/wiki-cancelled-1")
    tab.one("button.danger").click()
    tab.shows("It would roll back what saga wiki-cancelled-1 has started", "dialog .plan")
    tab.one("dialog textarea").send_keys("wrong project")
    tab.one("dialog button.danger").click()
    tab.until(lambda: tab.all('.mark[data-type="saga.cancel_requested"]') or None)
    assert events_of(backend, "wiki-cancelled-1")[-1].data["reason"] == "wrong project"


def test_a_verb_that_came_too_late_says_why(signed_in, backend):
    story = told.parked(backend.log, "wiki-late-1", time.time(), project="late")
    tab = signed_in("#/sagas/wiki-late-1")
    tab.one("button.danger").click()
    tab.shows("It would leave", "dialog .plan")
    story.tell(T.RETRY_REQUESTED, by="somebody else", reason="first")
    tab.one("dialog textarea").send_keys("too late")
    tab.one("dialog button.danger").click()
    assert tab.shows("is not stuck at any step", "dialog .notice")
    assert all("409" in complaint for complaint in tab.complaints())


def test_a_generation_is_started_and_followed(signed_in, backend):
    tab = signed_in()
    tab.one("#start-project").clear()
    tab.one("#start-project").send_keys("started", Keys.ENTER)
    assert tab.shows("Asked for; nothing was sent to a participant yet.")
    (record,) = backend.log.find(project_id="started")
    assert record.user_id == "ada"
    assert tab.text("h1") == record.saga_id
    assert tab.all(".seg[data-kind=queue]")


def test_a_generation_that_is_refused_says_why(signed_in):
    tab = signed_in(token=user_token("ok"))
    assert tab.one("#start-project").get_attribute("value") == "ok"
    tab.one("#start-project").clear()
    tab.one("#start-project").send_keys("other", Keys.ENTER)
    assert tab.shows("the token does not cover project 'other'", ".start .notice")
    assert all("403" in complaint for complaint in tab.complaints())


# For everybody


@pytest.mark.parametrize("page", ["#/", "#/sagas/wiki-back-1", "#/dead-letters"])
def test_nothing_hangs_over_the_edge_of_a_phone(signed_in, page):
    tab = signed_in(page)
    tab.size(390, 844)
    try:
        tab.one("h1")
        if "sagas" in page:
            segments(tab)
        wide = "return document.documentElement.scrollWidth <= 390 && innerWidth === 390"
        tab.until(lambda: tab.run(wide) or None, "no sideways scrolling")
    finally:
        tab.size(1280, 900)


def luminance(colour):
    numbers = [float(part) for part in re.findall(r"[\d.]+", colour.replace("srgb", ""))][:3]
    shares = numbers if colour.startswith("color(") else [number / 255 for number in numbers]
    linear = [share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4 for share in shares]
    return sum(weight * value for weight, value in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_words_can_be_read_in_both_themes(signed_in, scheme):
    tab = signed_in()
    tab.prefer(prefers_color_scheme=scheme)
    try:
        row_of(tab, "wiki-stuck-1")
        assert (luminance(tab.run("return getComputedStyle(document.body).backgroundColor")) > 0.5) is (
            scheme == "light"
        )
        script = """return [...document.querySelectorAll(arguments[0])].map((node) => {
            let under = node;
            while (getComputedStyle(under).backgroundColor === "rgba(0, 0, 0, 0)") under = under.parentElement;
            return [node.textContent, getComputedStyle(node).color, getComputedStyle(under).backgroundColor]; })"""
        for text, ink, ground in tab.run(script, ".chip, .tile .muted, button.primary, .sagas th, .sagas a"):
            bright, dark = sorted((luminance(ink), luminance(ground)), reverse=True)
            assert (bright + 0.05) / (dark + 0.05) >= 4.5, (text, ink, ground)  # WCAG 2.2, 1.4.3
    finally:
        tab.prefer()


def test_nothing_moves_for_those_who_do_not_want_it(signed_in):
    tab = signed_in()
    moving = "return document.getAnimations().length"
    row_of(tab, "wiki-busy-1")
    assert tab.run(moving) > 0
    tab.prefer(prefers_reduced_motion="reduce")
    try:
        tab.until(lambda: tab.run(moving) == 0 or None, "stillness")
    finally:
        tab.prefer()


def test_every_control_has_a_name(signed_in):
    tab = signed_in()
    row_of(tab, "wiki-busy-1")
    controls = [e for e in tab.all("button, input, select, nav a, a.tile, .sagas tr:first-child a") if e.is_displayed()]
    assert [e.get_attribute("outerHTML") for e in controls if not e.accessible_name] == []


def test_the_first_stop_of_the_keyboard_leads_past_the_head(signed_in):
    tab = signed_in()
    tab.run("document.activeElement.blur()")
    tab.one("body").send_keys(Keys.TAB)
    tab.run("document.querySelector('.skip').focus()")
    tab.driver.switch_to.active_element.send_keys(Keys.ENTER)
    assert tab.driver.switch_to.active_element.get_attribute("id") == "main"
    assert tab.driver.current_url.endswith("#/")
