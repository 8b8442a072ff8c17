"""Every wrong saga, engine and participant of the gallery is caught, minimally; without its bug it is let through."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from chaos.auditor.verdicts import Verdict
from chaos.explorer.exploration import explore
from chaos.explorer.registry import scenario_of
from chaos.explorer.run import Run, Stage, on_stage
from chaos.explorer.schedule import Schedule
from chaos.explorer.search import explored
from chaos.explorer.shrink import is_minimal, shrink
from chaos.explorer.wiki import HastyScenario
from chaos.gallery.engine_scenarios import ItemsUnder, WikiUnder
from chaos.gallery.entry import Entry, Kind
from chaos.gallery.items import items_scenario
from chaos.gallery.registry import entries
from tests.integration.gallery_schedules import SCHEDULES, faults

EACH = [pytest.param(name, marks=pytest.mark.xdist_group(f"gallery-{name}")) for name in entries()]
OVER_WIKI = [name for name, entry in entries().items() if isinstance(entry.right(), WikiUnder)]


@pytest.fixture(scope="module", params=EACH)
def entry(request: pytest.FixtureRequest) -> Entry:
    return entries()[request.param]


@pytest.fixture(scope="module")
def stage(entry: Entry) -> Iterator[Stage]:
    with on_stage(entry.wrong()) as found:
        yield found


@pytest.fixture(scope="module")
def caught(entry: Entry, stage: Stage) -> Run:
    """The run of the entry's own schedule."""
    return stage.run(Schedule(entry.saga, faults(entry.name)))


def test_its_bug_is_shown_by_its_schedule(entry: Entry, caught: Run) -> None:
    assert caught.verdict is Verdict.INVALID, caught.unseen
    assert entry.expected in caught.anomalies, caught.findings
    assert len(caught.fired) == entry.faults


def test_without_any_one_of_its_faults_nothing_is_seen(entry: Entry, stage: Stage, caught: Run) -> None:
    for left_out in caught.schedule.faults:
        fewer = tuple(fault for fault in caught.schedule.faults if fault != left_out)
        assert stage.run(caught.schedule.with_faults(fewer)).verdict is Verdict.VALID
    assert stage.run(caught.schedule.with_faults(())).verdict is Verdict.VALID


def test_the_search_finds_it(entry: Entry, stage: Stage) -> None:
    """All single faults; where it takes two, all that can follow the first one of its schedule."""
    first = Schedule(entry.saga, faults(entry.name)[: entry.faults - 1])
    found = next(run for run in explored(stage, first, entry.faults) if entry.expected in run.anomalies)
    smallest = shrink(stage, found)
    assert is_minimal(stage, smallest)
    assert len(smallest.schedule.faults) == entry.faults


def test_where_it_takes_two_faults_one_is_not_enough(entry: Entry, stage: Stage) -> None:
    if entry.faults > 1:
        assert all(run.verdict is Verdict.VALID for run in explored(stage, Schedule(entry.saga), 1))


def test_the_right_one_passes_the_very_same_schedule(entry: Entry) -> None:
    with on_stage(entry.right()) as right:
        run = right.run(Schedule(entry.saga, faults(entry.name)))
    assert run.verdict is Verdict.VALID, (run.findings, run.unseen)
    assert run.never_fired == ()


@pytest.mark.parametrize("scenario", [WikiUnder("little over wiki"), ItemsUnder("little over items")])
def test_the_little_engine_passes_every_single_fault(scenario: WikiUnder | ItemsUnder) -> None:
    report = explore(scenario, faults=1)
    assert report.verdict is Verdict.VALID, report.failing
    assert report.runs > 70


def test_the_real_engine_passes_the_schedules_of_the_wrong_ones() -> None:
    """Over the real servers, where an action is tried once as the little engine does."""
    with on_stage(HastyScenario()) as wiki:
        for name in OVER_WIKI:
            run = wiki.run(Schedule("wiki-hasty", faults(name)))
            assert run.verdict is Verdict.VALID, (name, run.findings, run.unseen)
            assert run.never_fired == ()


def test_the_real_engine_passes_them_over_little_participants() -> None:
    names = [name for name, entry in entries().items() if entry.kind is Kind.ENGINE and name not in OVER_WIKI]
    with on_stage(items_scenario("items")) as items:
        for name in names:
            run = items.run(Schedule("items", faults(name)))
            assert run.verdict is Verdict.VALID, (name, run.findings, run.unseen)
            assert run.never_fired == ()


def test_every_entry_has_its_schedule() -> None:
    assert set(SCHEDULES) == set(entries())
    assert {entry.kind for entry in entries().values()} == set(Kind)


def test_every_entry_says_where_it_was_seen() -> None:
    for entry in entries().values():
        assert "Seen" in entry.seen, entry.name


def test_every_entry_can_be_explored_by_its_name() -> None:
    for entry in entries().values():
        scenario = scenario_of(entry.saga)
        assert scenario.name == entry.saga
