"""What the routes ask of the generations, on a log in memory."""

from __future__ import annotations

from typing import Any

import pytest

from backend.generations import Generations, Operator
from backend.saga.events import Event, EventType
from backend.saga.ports import NewSaga
from backend.saga.state import SagaState
from backend.saga_log.memory import MemorySagaLog
from backend.wiki.saga import CREATE_SNAPSHOT
from tests.unit.saga_worlds import JumpingClock

T = EventType


class CountingLog(MemorySagaLog):
    """Counts how often it is read."""

    def __init__(self) -> None:
        super().__init__()
        self.reads = 0

    def events(self, *arguments: Any) -> Any:
        self.reads += 1
        return super().events(*arguments)

    def events_of(self, *arguments: Any) -> Any:
        self.reads += 1
        return super().events_of(*arguments)

    def find(self, **arguments: Any) -> Any:
        self.reads += 1
        return super().find(**arguments)


def enter(log: MemorySagaLog, saga_id: str, *events: Event, project: str = "p") -> None:
    """A saga that was asked for at second 1000, with what happened to it."""
    log.create(NewSaga(saga_id, "wiki", project, "ann", {}), Event(T.REQUESTED, 1000.0))
    fence = log.claim(saga_id, "w", 60.0, 1000.0).fence
    log.append(saga_id, fence, 2, events)


def generations(log: MemorySagaLog) -> Generations:
    return Generations(log, JumpingClock(), str)


@pytest.mark.parametrize(
    ("result", "told"),
    [
        ({"files": 3, "snapshot_id": "s", "commit": "c"}, {"files_created": 3, "snapshot_id": "s", "commit": "c"}),
        ({"snapshot_id": "s"}, {"snapshot_id": "s"}),
        ({}, {}),
        (None, {}),
        ("done", {}),
    ],
)
def test_the_status_tells_of_what_was_stored_as_much_as_the_log_does(result: object, told: dict[str, object]) -> None:
    log = MemorySagaLog()
    done = Event(T.STEP_DONE, 1001.0, CREATE_SNAPSHOT, {"result": result})
    enter(log, "s1", Event(T.BEGUN, 1000.5), done, Event(T.COMMITTED, 1002.0))
    status = generations(log).status(log.get("s1"))
    assert {word: status[word] for word in ("files_created", "snapshot_id", "commit") if word in status} == told


def test_the_statistics_read_the_log_as_often_for_many_sagas_as_for_one() -> None:
    log = CountingLog()
    for number in range(50):
        enter(log, f"ok-{number}", Event(T.BEGUN, 1001.0), Event(T.COMMITTED, 1003.0))
    unclear = Event(T.STEP_UNCLEAR, 1001.5, "Save", {"problem": "timeout"})
    enter(log, "bad", Event(T.BEGUN, 1001.0), unclear, Event(T.ROLLBACK_BEGAN, 1002.0), Event(T.ROLLED_BACK, 1006.0))
    enter(log, "elsewhere", Event(T.BEGUN, 1001.0), project="q")
    log.reads = 0
    figures = generations(log).statistics(3600.0, "p")
    assert log.reads == 3, "the sagas, their events, the dead letters"
    assert figures["by_outcome"] == {"committed": 50, "rolled_back": 1}
    assert (figures["generation_seconds"]["p50"], figures["rollback_seconds"]["p50"]) == (3.0, 4.0)
    assert figures["step_failures"] == {"Save": 1}
    assert generations(log).statistics(3600.0, None)["by_outcome"]["open"] == 1


@pytest.mark.parametrize(
    ("verb", "state_before", "kinds"),
    [
        ("cancel", T.BEGUN, [T.CANCEL_REQUESTED]),
        ("retry", T.PARKED, [T.RETRY_REQUESTED]),
        ("skip", T.PARKED, [T.UNDO_SKIPPED, T.RETRY_REQUESTED]),
    ],
)
def test_who_asked_is_recorded_as_given_and_as_the_token_has_it(
    verb: str, state_before: EventType, kinds: list[EventType]
) -> None:
    log = MemorySagaLog()
    gave_up = Event(T.UNDO_FAILED, 1002.0, "Save", {"problem": "away", "retry_at": None})
    events = [Event(T.BEGUN, 1001.0)]
    if state_before is T.PARKED:
        events += [Event(T.ROLLBACK_BEGAN, 1001.5), gave_up, Event(T.PARKED, 1002.0, "Save", {"problem": "away"})]
    enter(log, "s1", *events)
    before = log.get("s1").last_seq
    getattr(generations(log), verb)("s1", Operator("Ada", authenticated_as="bob", reason="a test"))
    added = [entry.event for entry in log.events("s1", before)]
    assert [event.type for event in added] == kinds
    assert all(event.data == {"by": "Ada", "authenticated_as": "bob", "reason": "a test"} for event in added)
    assert log.get("s1").state is not SagaState.FAILED
