"""What a run notes against its experiment's claim, with the system played by simple objects."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import requests
from chaoslib.exceptions import ActivityFailed

from chaos.experiments import run as runs
from chaos.experiments.actions import heal
from chaos.experiments.client import documents, told
from chaos.experiments.run import Run
from chaos.machinery import CannotDo


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


class World:
    """Processes and the fault proxy, which answers only while it is neither killed nor paused."""

    url = "http://proxy"

    def __init__(self, **processes: str) -> None:
        self.processes, self.broken, self.toxics, self.done = processes, set[str](), True, list[str]()

    def kill(self, name: str) -> None:
        if self.processes[name] == "killed":
            raise CannotDo(f"{name} does not run")
        self.processes[name] = "killed"

    def start(self, name: str) -> None:
        self._change(name, "killed")

    def resume(self, name: str) -> None:
        self._change(name, "paused")

    def _change(self, name: str, former: str) -> None:
        if name in self.broken or self.processes[name] != former:
            raise CannotDo(f"{name} cannot be healed")
        self.processes[name] = "runs"
        self.done.append(name)

    def events(self, since: int) -> list[dict[str, Any]]:
        if self.processes["fault_proxy"] != "runs":
            raise requests.ReadTimeout("no answer")
        return []

    def heal(self) -> None:
        self.events(0)
        self.toxics = False


def broken_off(monkeypatch: pytest.MonkeyPatch, run: Run, world: World, **touched: str) -> None:
    """The run as a Ctrl-C leaves it to the healing."""
    run.machinery = run.proxy = world  # type: ignore[assignment]
    run.system = SimpleNamespace(state=Path("/s"), workers=lambda: ["worker", "worker-2"])  # type: ignore[assignment]
    run.touched, run.left = touched, []
    monkeypatch.setitem(runs._current, "run", run)


@pytest.mark.parametrize("state", ["paused", "killed"])
def test_the_fault_proxy_is_brought_back_before_it_is_asked_for_anything(
    monkeypatch: pytest.MonkeyPatch, run: Run, state: str
) -> None:
    world = World(fault_proxy=state)
    broken_off(monkeypatch, run, world, fault_proxy=state)
    heal({})
    assert (world.processes, world.toxics) == ({"fault_proxy": "runs"}, False)
    assert (run.touched, run.left) == ({}, [])


def test_what_was_killed_last_is_started_first_wherever_the_experiment_broke_off(
    monkeypatch: pytest.MonkeyPatch, run: Run
) -> None:
    world = World(worker="killed", backend="killed", fault_proxy="runs")
    broken_off(monkeypatch, run, world, worker="killed", backend="killed", fault_proxy="killed")
    heal({})
    assert world.done == ["fault_proxy", "backend", "worker"]
    assert run.left == []


def test_what_cannot_be_healed_keeps_nothing_else_from_it_and_is_told_with_what_to_type(
    monkeypatch: pytest.MonkeyPatch, run: Run
) -> None:
    world = World(worker="paused", fault_proxy="paused")
    world.broken = {"fault_proxy"}
    broken_off(monkeypatch, run, world, worker="paused", fault_proxy="paused")
    with pytest.raises(ActivityFailed, match="fault_proxy cannot be healed"):
        heal({})
    assert world.processes["worker"] == "runs"
    assert run.left == [
        "fault_proxy is paused: `testbed kill --signal CONT fault_proxy --state /s`, or, if it is dead, "
        "`testbed start fault_proxy --state /s`",
        "faults may be left on the links: `curl -X POST http://proxy/reset` takes them away",
    ]


def test_the_advice_for_the_worker_names_all_of_them(monkeypatch: pytest.MonkeyPatch, run: Run) -> None:
    world = World(worker="killed", fault_proxy="runs")
    world.broken = {"worker"}
    broken_off(monkeypatch, run, world, worker="killed")
    with pytest.raises(ActivityFailed):
        heal({})
    (advice,) = run.left
    assert "`testbed start worker --state /s`" in advice
    assert "`testbed start worker-2 --state /s`" in advice
