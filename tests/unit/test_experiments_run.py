"""What a run notes against its experiment's claim, with the system played by simple objects."""

from __future__ import annotations

from typing import Any

import pytest

from chaos.experiments.client import documents, told
from chaos.experiments.run import Run


class Proxy:
    """Has fired what it is told to have fired."""

    def __init__(self, *fired: tuple[str, str]) -> None:
        self.seen = fired

    def events(self, since: int) -> list[dict[str, Any]]:
        return [{"proxy": link, "toxic": toxic} for link, toxic in self.seen]


@pytest.fixture
def run() -> Run:
    """A run without a system."""
    made = object.__new__(Run)
    made.toxics, made.problems, made.answers = [], [], []
    made.knows_requests, made.proxy_event = True, 0
    return made


def test_an_expected_end_is_no_problem(run: Run) -> None:
    run.expect({"saga_id": "s", "state": "rolled_back"}, ["rolled_back", "committed"])
    assert run.problems == []
    assert len(run.answers) == 1


def test_another_end_is_a_problem_that_names_saga_state_and_error(run: Run) -> None:
    run.expect({"saga_id": "s", "state": "failed", "error": "stuck"}, ["rolled_back"])
    assert run.problems == ["s is failed (stuck), not rolled_back"]


def test_a_toxic_that_never_fired_is_a_problem(run: Run) -> None:
    run.proxy = Proxy(("a", "latency-1"))  # type: ignore[assignment]
    run.toxics = [("a", "latency-1"), ("b", "latency-1")]
    run.fired()
    assert run.problems == ["latency-1 on b never fired"]
    assert run.toxics == []


def test_a_proxy_that_keeps_no_events_is_not_asked(run: Run) -> None:
    run.knows_requests, run.toxics = False, [("a", "x")]
    run.fired()
    assert run.problems == []


@pytest.mark.parametrize("state", ["rolled_back", "failed"])
def test_a_client_is_told_of_a_failure(state: str) -> None:
    line = told({"saga_id": "s", "project_id": "p", "state": state})
    assert line == {"saga_id": "s", "project_id": "p", "status": "failed"}


def test_a_client_is_told_of_a_success_with_its_snapshot() -> None:
    line = told({"saga_id": "s", "project_id": "p", "state": "committed", "snapshot_id": "snap-1"})
    assert (line["status"], line["snapshot_id"]) == ("success", "snap-1")


def test_another_edition_changes_every_document_and_no_id() -> None:
    first, second = documents("p", "one"), documents("p", "two")
    assert [one["doc_id"] for one in first] == [two["doc_id"] for two in second]
    assert all(one["text"] != two["text"] for one, two in zip(first, second, strict=True))
    assert documents("p", "one") == first
