"""A participant that is away for long is not hammered, however many sagas are parked because of it (R10)."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable

import pytest

from backend.saga.definition import SagaDefinition, SagaStep, StepContext
from backend.saga.errors import Refused, Unclear
from backend.saga.events import Event, EventType
from backend.saga.ports import NewSaga, SagaRecord
from backend.saga.state import SagaState, StepKind
from backend.saga_log.memory import MemorySagaLog
from backend.worker import Worker
from tests.unit.saga_worlds import JumpingClock

T = EventType
SAGAS = 60


class Participant:
    """Its undo and confirm fail as told; it notes when it was called."""

    def __init__(self, clock: JumpingClock) -> None:
        self.clock, self.calls = clock, list[float]()
        self.failure: Exception | None = None

    def call(self, _: StepContext) -> None:
        self.calls.append(self.clock.now())
        if self.failure:
            raise self.failure

    def busiest_minute(self, since: float = 0.0) -> int:
        """The most calls within any 60 seconds."""
        calls = [at for at in self.calls if at >= since]
        return max((bisect_left(calls, at + 60.0) - n for n, at in enumerate(calls)), default=0)


class Source:
    """Sagas of two steps: the participant's, and one that decides how it ends."""

    saga_type = "test"

    def __init__(self, participant: Participant, ending: Callable[[StepContext], None]) -> None:
        self.participant, self.ending = participant, ending

    def prepare(self, record: SagaRecord, note: object) -> SagaDefinition:
        return self.recover(record)

    def recover(self, record: SagaRecord) -> SagaDefinition:
        call = self.participant.call
        return SagaDefinition(
            (
                SagaStep("save", lambda: None, call, call, participant="files"),
                SagaStep("decide", self.ending, lambda: None, kind=StepKind.PIVOT),
            )
        )

    def deadline(self, record: SagaRecord) -> float:
        return record.created_at + 1e9


class Rig:
    """One worker on one thread, and a clock that jumps to whenever there is something to do."""

    def __init__(self, ending: Callable[[StepContext], None]) -> None:
        self.clock, self.log = JumpingClock(1000.0), MemorySagaLog()
        self.participant = Participant(self.clock)
        self.worker = Worker(self.log, Source(self.participant, ending), self.clock, threads=1, lease=1e9)
        for number in range(SAGAS):
            asked = Event(T.REQUESTED, self.clock.now())
            self.log.create(NewSaga(f"s{number}", "test", f"p{number}", "u", {}), asked)

    def work(self, seconds: float) -> None:
        end = self.clock.time + seconds
        while self.clock.time < end:
            if (record := self.worker.claim()) is None:
                self.clock.time += 0.25
            else:
                self.worker.drive(record)

    def count(self, state: SagaState, closed: bool) -> int:
        return sum(record.closed is closed for record in self.log.find(state=state, limit=SAGAS))


def refuse(_: StepContext) -> None:
    raise Refused("no")


@pytest.mark.parametrize("failure", [Unclear("no answer in time"), Refused("409: for ever")])
def test_calls_stay_few_while_compensations_fail_and_all_sagas_end_soon_after_it_is_healed(failure):
    rig = Rig(refuse)
    rig.participant.failure = failure
    rig.work(900.0)
    assert rig.count(SagaState.FAILED, closed=False) == SAGAS  # dead letters, although hardly any of them was tried
    assert rig.participant.busiest_minute() <= 5 + 6
    assert rig.participant.busiest_minute(since=1120.0) <= 3
    calls = len(rig.participant.calls)
    rig.participant.failure = None
    rig.work(31.0)
    assert rig.count(SagaState.ROLLED_BACK, closed=True) == SAGAS
    assert len(rig.participant.calls) == calls + SAGAS


def test_calls_stay_few_while_confirms_fail_and_all_sagas_end_soon_after_it_is_healed():
    rig = Rig(lambda context: None)
    rig.participant.failure = Unclear("no answer in time")
    rig.work(300.0)
    assert rig.count(SagaState.COMMITTED, closed=False) == SAGAS
    assert rig.participant.busiest_minute() <= 5 + 6
    rig.participant.failure = None
    rig.work(31.0)
    assert rig.count(SagaState.COMMITTED, closed=True) == SAGAS


def test_a_short_failure_costs_a_second():
    rig = Rig(refuse)
    rig.participant.failure = Unclear("no answer in time")
    rig.work(1.0)
    rig.participant.failure = None
    rig.work(6.0)
    assert rig.count(SagaState.ROLLED_BACK, closed=True) == SAGAS


def test_what_was_not_even_tried_says_so_in_its_dead_letter():
    rig = Rig(refuse)
    rig.participant.failure = Unclear("no answer in time")
    rig.work(120.0)
    parked = [e.event for e in rig.log.events(f"s{SAGAS - 1}") if e.event.type is T.PARKED]
    assert "files failed too often and was not called" in parked[0].data["problem"]


def test_parked_sagas_try_again_less_and_less_often():
    rig = Rig(refuse)
    rig.participant.failure = Unclear("no answer in time")
    rig.work(1500.0)
    parked = [e.event for e in rig.log.events("s30") if e.event.type is T.PARKED]
    pauses = [round(event.data["retry_at"] - event.at) for event in parked]
    assert pauses[:5] == [60, 120, 240, 480, 600]
