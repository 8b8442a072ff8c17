"""What came of a call and the announcement of the next stand in one append; an operator's word between still counts."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from backend.saga.definition import SagaStep
from backend.saga.errors import Unclear
from backend.saga.events import Event, EventType
from backend.saga.ports import LoggedEvent
from backend.saga.state import SagaState, StepKind
from backend.saga_log.memory import MemorySagaLog
from tests.unit.saga_worlds import NO, JumpingClock, World, a_runner, claim_again, open_saga

T = EventType


class CountingLog(MemorySagaLog):
    """Notes what is appended together."""

    def __init__(self) -> None:
        super().__init__()
        self.appends: list[list[str]] = []

    def append(self, saga_id: str, fence: int, known_seq: int, events: Sequence[Event]) -> list[LoggedEvent]:
        self.appends.append([f"{event.type} {event.step or ''}".strip() for event in events])
        return super().append(saga_id, fence, known_seq, events)


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def log() -> CountingLog:
    return CountingLog()


@pytest.fixture
def clock() -> JumpingClock:
    return JumpingClock()


def two_steps(world: World) -> list[SagaStep]:
    return [world.step("files", confirmed=True), world.step("snapshot", kind=StepKind.PIVOT, confirmed=True)]


def test_a_saga_without_faults_needs_one_append_per_move_and_one_for_its_commit(world, log, clock):
    a_runner(log, clock).run(open_saga(two_steps(world), log, clock))
    assert log.appends == [
        ["saga.begun", "step.started files"],
        ["step.done files", "step.started snapshot"],
        ["step.done snapshot"],
        ["saga.committed", "confirm.started files", "confirm.started snapshot"],
        ["confirm.done files", "confirm.done snapshot", "saga.finished"],
    ]


def test_a_recovery_needs_one_append_per_step_and_one_more(world, log, clock):
    steps = two_steps(world)
    begun = Event(T.BEGUN, clock.now(), None, {"steps": [{"name": step.name} for step in steps]})
    a_runner(log, clock).record(open_saga(steps, log, clock), begun)
    log.appends.clear()
    a_runner(log, clock).run(claim_again(steps, log, clock))
    assert log.appends == [
        ["saga.rollback_began", "undo.started snapshot"],
        ["undo.done snapshot", "undo.started files"],
        ["undo.done files", "saga.rolled_back"],
    ]


@pytest.mark.parametrize("verb", ["do", "undo"])
def test_no_call_is_made_whose_announcement_is_not_in_the_log(world, log, clock, verb):
    world.script["do snapshot"] = [NO] if verb == "undo" else []
    announced = {"do": T.STEP_STARTED, "undo": T.UNDO_STARTED}[verb]
    calls: list[str] = []

    def looking(name: str) -> None:
        found = [entry.event for entry in log.events("s")]
        assert any(event.type is announced and event.step == name for event in found)
        calls.append(name)

    world.watch = lambda call: looking(call.split()[1]) if call.startswith(f"{verb} ") else None
    a_runner(log, clock).run(open_saga(two_steps(world), log, clock))
    assert set(calls) == {"files", "snapshot"}


def test_a_cancel_during_a_call_keeps_the_next_step_from_being_called(world, log, clock):
    world.watch = cancel_during("do files", log, clock)
    saga = open_saga(two_steps(world), log, clock)
    a_runner(log, clock).run(saga)
    assert saga.history.state is SagaState.ROLLED_BACK
    assert world.calls == ["do files", "undo snapshot", "undo files"]  # snapshot was announced: undone like a call


def test_a_cancel_during_the_pivot_is_not_overtaken_by_the_commit(world, log, clock):
    world.watch = cancel_during("do snapshot", log, clock)
    saga = open_saga(two_steps(world), log, clock)
    a_runner(log, clock).run(saga)
    assert saga.history.state is SagaState.ROLLED_BACK
    assert world.effects == set()


def test_a_cancel_during_a_call_that_is_to_be_repeated_later_turns_back_at_once(world, log, clock):
    world.watch = cancel_during("do files", log, clock)
    world.script["do files"] = [Unclear("busy", retry_after=5.0)]
    began = clock.now()
    a_runner(log, clock).run(open_saga(two_steps(world), log, clock))
    assert [entry.event.at for entry in log.events("s") if entry.event.type is T.ROLLBACK_BEGAN] == [began]


def cancel_during(call: str, log: MemorySagaLog, clock: JumpingClock):
    def watch(made: str) -> None:
        if made == call:
            asked = Event(T.CANCEL_REQUESTED, clock.now(), None, {"by": "ann", "reason": "not wanted"})
            log.operate("s", [SagaState.EXECUTING], [asked])

    return watch
