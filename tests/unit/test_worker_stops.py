"""A worker that is told to stop finishes what it can in its grace and hands over the rest."""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterator

import pytest

from backend.adapters import SystemClock
from backend.saga.circuit import CircuitPolicy
from backend.saga.definition import SagaDefinition, SagaStep
from backend.saga.errors import Unclear
from backend.saga.events import Event, EventType
from backend.saga.ports import NewSaga, SagaRecord
from backend.saga.state import SagaState, StepKind
from backend.saga_log.memory import MemorySagaLog
from backend.worker import Worker

T = EventType
LIMIT = 10.0  # seconds, far beyond what any of these should take
LEASE = 60.0  # nobody is waiting for its end here


class Slow:
    """Sagas of one step that takes until it is told to go on."""

    saga_type = "test"

    def __init__(self) -> None:
        self.entered, self.go_on = threading.Event(), threading.Event()
        self.undone: list[str] = []
        self.confirms_are_refused = False

    def prepare(self, record: SagaRecord, note: object) -> SagaDefinition:
        return self.recover(record)

    def recover(self, record: SagaRecord) -> SagaDefinition:
        undo = lambda: self.undone.append(record.saga_id)  # noqa: E731
        return SagaDefinition((SagaStep("slow", self._act, undo, self._confirm, StepKind.PIVOT),))

    def deadline(self, record: SagaRecord) -> float:
        return record.created_at + 600.0

    def _act(self) -> None:
        self.entered.set()
        assert self.go_on.wait(LIMIT)

    def _confirm(self) -> None:
        if self.confirms_are_refused:
            raise Unclear("busy", retry_after=LIMIT)


class Serving:
    """A worker that serves in a thread of its own, in the middle of a saga's step."""

    def __init__(self, grace: float) -> None:
        self.log, self.source, self.stop = MemorySagaLog(), Slow(), threading.Event()
        self.clock, self.handed_over = SystemClock(), -1
        self.worker = Worker(self.log, self.source, self.clock, threads=2, lease=LEASE, grace=grace)
        self.enter("s1")
        self.thread = threading.Thread(target=self._serve)
        self.thread.start()
        assert self.source.entered.wait(LIMIT)

    def enter(self, saga_id: str) -> None:
        self.log.create(NewSaga(saga_id, "test", saga_id, "u", {}), Event(T.REQUESTED, self.clock.now()))

    def ended(self) -> int:
        self.thread.join(LIMIT)
        assert not self.thread.is_alive()
        return self.handed_over

    def types(self) -> list[EventType]:
        return [entry.event.type for entry in self.log.events("s1")]

    def _serve(self) -> None:
        self.handed_over = self.worker.serve(self.stop)


@pytest.fixture
def patient() -> Iterator[Serving]:
    yield from _serving(LIMIT)


@pytest.fixture
def hasty() -> Iterator[Serving]:
    yield from _serving(0.05)


def _serving(grace: float) -> Iterator[Serving]:
    serving = Serving(grace)
    yield serving
    serving.stop.set()
    serving.source.go_on.set()
    serving.ended()


def test_what_ends_within_the_grace_is_finished_and_nothing_new_is_begun(patient):
    patient.stop.set()
    patient.enter("s2")
    patient.source.go_on.set()
    assert patient.ended() == 0
    assert patient.log.get("s1").state is SagaState.COMMITTED
    assert patient.log.get("s2").worker is None


def test_what_does_not_is_handed_over_and_the_next_worker_takes_it_at_once(hasty):
    hasty.stop.set()
    assert hasty.ended() == 1
    other = Worker(hasty.log, hasty.source, hasty.clock, threads=1, lease=LEASE)
    record = other.claim()
    assert record is not None
    other.drive(record)
    assert hasty.log.get("s1").state is SagaState.ROLLED_BACK
    assert hasty.source.undone == ["s1"]


def test_the_late_answer_of_a_saga_that_was_handed_over_changes_nothing(hasty):
    hasty.stop.set()
    hasty.ended()
    other = Worker(hasty.log, hasty.source, hasty.clock, threads=1, lease=LEASE)
    other.drive(other.claim())
    written = hasty.types()
    hasty.source.go_on.set()
    for thread in threading.enumerate():
        if thread.name.startswith("saga_"):
            thread.join(LIMIT)
    assert hasty.types() == written
    assert T.COMMITTED not in written


def test_a_saga_that_cannot_be_given_back_now_is_given_back_as_soon_as_the_log_takes_it(patient):
    release, refused = patient.log.release, threading.Event()

    def full(saga_id: str, fence: int, wake_at: float) -> None:
        if not refused.is_set():
            refused.set()
            raise OSError("no space left on device")
        release(saga_id, fence, wake_at)
        given_back.set()

    given_back = threading.Event()
    patient.log.release = full
    patient.source.confirms_are_refused = True  # it will be back for that, and must be free until then
    patient.source.go_on.set()
    assert given_back.wait(LIMIT)
    assert patient.log.get("s1").worker is None


def test_two_workers_of_one_process_have_names_of_their_own(patient):
    other = Worker(patient.log, patient.source, patient.clock, threads=1, lease=LEASE)
    assert other.name != patient.worker.name


def test_who_is_spared_is_told_also_while_every_thread_is_busy(patient):
    told, spare = threading.Event(), patient.log.spare

    def tell(worker: str, participants: Collection[str], now: float, until: float) -> None:
        spare(worker, participants, now, until)
        told.set()

    patient.log.spare = tell
    patient.source.entered.clear()
    patient.enter("s2")
    assert patient.source.entered.wait(LIMIT)  # both threads are in a call now
    for _ in range(CircuitPolicy().failures):
        patient.worker.circuits.report("git_server", success=False)
    assert told.wait(LIMIT)
    assert patient.log.spared(patient.clock.now()) == {"git_server": 1}
