"""What the API tells of the sagas: lists in pages, figures, status and history; a bad question is told its field."""

from __future__ import annotations

import pytest

from tests.integration import saga_stories as told
from tests.integration.backend_app import user_token
from tests.integration.backend_fixtures import START, fields_of, problem_of

# Listing


def test_pages_lead_through_all_sagas_newest_first(full):
    seen, query = [], "limit=2"
    for _ in range(4):
        page = full.get(f"/api/sagas?{query}").json
        seen += [row["saga_id"] for row in page["sagas"]]
        if page["next"] is None:
            break
        query = f"limit=2&before={page['next']}"
    assert seen == ["early", "busy", "stuck", "undone", "done"]


def test_filters_join(full):
    rows = full.get("/api/sagas?state=failed&project=demo").json["sagas"]
    assert [(row["saga_id"], row["state"], row["closed"]) for row in rows] == [("stuck", "failed", False)]
    assert full.get("/api/sagas?state=failed&project=p1").json == {"sagas": [], "next": None}
    newest = full.get("/api/sagas").json["sagas"][0]
    since = full.get(f"/api/sagas?since={newest['created_at']!r}").json["sagas"]
    assert [row["saga_id"] for row in since] == ["early"]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("limit=0", "limit"),
        ("limit=501", "limit"),
        ("limit=many", "limit"),
        ("state=gone", "state"),
        ("since=-1", "since"),
        ("since=nan", "since"),
        ("project=../etc", "project"),
        ("project=" + "p" * 101, "project"),
        ("before=yesterday", "before"),
        ("before=nan~done", "before"),
        ("before=1e999~done", "before"),
        ("before=" + "9" * 401, "before"),
        ("before=1.0~a%00b", "before"),
    ],
)
def test_a_bad_query_names_its_field(full, query, field):
    assert fields_of(full.get(f"/api/sagas?{query}")) == [field]


@pytest.mark.parametrize("window", ["0", "-5", "nan", "inf", "1e9", "hour"])
def test_a_bad_window_is_named(full, window):
    assert fields_of(full.get(f"/api/stats?window={window}")) == ["window"]


def test_statistics_of_an_empty_system_are_empty_not_wrong(backend):
    figures = backend.get("/api/stats").json
    assert (figures["sagas"], figures["success_rate"], figures["generation_seconds"]) == (0, None, None)


def test_statistics_count_outcomes_latencies_and_failures(full):
    figures = full.get("/api/stats").json
    assert figures["by_outcome"] == {"committed": 1, "rolled_back": 2, "failed": 1, "open": 1}
    assert (figures["success_rate"], figures["rollback_rate"], figures["dead_letters"]) == (0.25, 0.5, 1)
    assert figures["step_failures"] == {told.SNAPSHOT: 4, told.FILES: 2}
    assert 0.3 < figures["generation_seconds"]["p99"] < 0.5


# One saga


@pytest.mark.parametrize("path", ["/api/sagas/none", "/api/sagas/none/events", "/api/sagas/" + "n" * 299])
def test_an_unknown_saga_is_not_found(full, path):
    problem_of(full.get(path), 404, "not-found")


@pytest.mark.parametrize("verb", ["retry", "skip", "cancel"])
def test_a_verb_on_an_unknown_saga_is_not_found(full, verb):
    problem_of(full.post(f"/api/sagas/none/{verb}", {"reason": "because"}), 404, "not-found")


def test_an_overlong_saga_id_names_its_field(full):
    assert fields_of(full.get("/api/sagas/" + "n" * 301)) == ["saga_id"]


@pytest.mark.parametrize(("method", "tail"), [("GET", ""), ("GET", "/events"), ("POST", "/retry")])
def test_a_saga_id_that_no_database_takes_names_its_field(full, method, tail):
    answer = full.call(method, f"/api/sagas/a%00b{tail}", json={"reason": "because"})
    assert fields_of(answer) == ["saga_id"]


@pytest.mark.parametrize("user", ["", "u" * 256, "a\0b", "a\ud800"])
def test_a_user_whom_the_log_cannot_name_is_told_why(backend, user):
    answer = backend.post(START, token=user_token(user=user))
    assert "1 to 255 characters" in problem_of(answer, 401, "unauthorized")["detail"]
    assert backend.log.last_position() == 0


def test_a_sagas_events_come_in_order_from_any_point(full):
    events = full.get("/api/sagas/undone/events").json["events"]
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    assert full.get("/api/sagas/undone/events?after=20").json["events"] == events[20:]
    assert full.get(f"/api/sagas/undone/events?after={2**63 - 1}").json["events"] == []


@pytest.mark.parametrize("after", ["-1", "x", str(2**63), "9" * 40])
def test_a_bad_start_of_the_events_is_named(full, after):
    assert fields_of(full.get(f"/api/sagas/undone/events?after={after}")) == ["after"]


def test_status_says_where_each_step_stands(full):
    status = full.get("/api/sagas/stuck").json
    assert [(step["name"], step["state"]) for step in status["steps"]] == [
        (told.GRAPH, "done"),
        (told.FILES, "stuck"),
        (told.SNAPSHOT, "undone"),
    ]
