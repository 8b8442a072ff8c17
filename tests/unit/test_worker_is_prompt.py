"""A worker notices the end of a lease within a second; while nothing is to do it looks seldom and writes nothing."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from backend.adapters import SystemClock
from backend.saga.definition import SagaDefinition, SagaStep
from backend.saga.errors import Unclear
from backend.saga.events import Event, EventType
from backend.saga.ports import NewSaga, SagaRecord
from backend.saga.state import SagaState
from backend.saga_log.memory import MemorySagaLog
from backend.worker import POLL, TELL, Worker
from tests.unit.saga_worlds import JumpingClock

T = EventType
LIMIT = 10.0  # seconds, far beyond what any of these should take
SHORT_LEASE = 0.5
READS = {"claim_next", "events", "get", "find"}


class WatchedLog(MemorySagaLog):
    """Notes every call of a worker, and when it claimed something."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[str] = []
        self.claimed_at: float | None = None
        self.claimed = threading.Event()
        self.looked_often = threading.Event()

    def __getattribute__(self, name: str) -> object:
        found = super().__getattribute__(name)
        if name in {"claim_next", "renew", "release", "wake", "append", "spare", "events"}:
            self.calls.append(name)
            if self.calls.count("claim_next") > 8:
                self.looked_often.set()
        return found

    def claim_next(self, *arguments) -> SagaRecord | None:
        record = super().claim_next(*arguments)
        if record is not None:
            self.claimed_at = time.time()
            self.claimed.set()
        return record


class Undoes:
    """Sagas of one step that can be undone, or cannot."""

    saga_type = "test"

    def __init__(self) -> None:
        self.fails = False

    def prepare(self, record: SagaRecord, note: object) -> SagaDefinition:
        return self.recover(record)

    def recover(self, record: SagaRecord) -> SagaDefinition:
        return SagaDefinition((SagaStep("save", lambda: None, self._undo, participant="files"),))

    def deadline(self, record: SagaRecord) -> float:
        return record.created_at + 600.0

    def _undo(self) -> None:
        if self.fails:
            raise Unclear("no answer in time")


@contextmanager
def serving(log: MemorySagaLog) -> Iterator[Worker]:
    worker, stop = Worker(log, Undoes(), SystemClock(), threads=2, lease=5.0), threading.Event()
    thread = threading.Thread(target=worker.serve, args=(stop,))
    thread.start()
    try:
        yield worker
    finally:
        stop.set()
        thread.join(LIMIT)


def left_by_a_dead_worker(log: MemorySagaLog, saga_id: str, now: float, lease: float) -> None:
    log.create(NewSaga(saga_id, "test", saga_id, "u", {}), Event(T.REQUESTED, now))
    fence = log.claim(saga_id, "dead", lease, now).fence
    log.append(saga_id, fence, 2, [Event(T.BEGUN, now, None, {"steps": [{"name": "save"}]})])


def test_what_a_dead_worker_left_is_taken_over_within_a_second_of_its_leases_end():
    log, now = WatchedLog(), time.time()
    left_by_a_dead_worker(log, "s", now, SHORT_LEASE)
    with serving(log):
        assert log.claimed.wait(LIMIT)
    assert log.claimed_at is not None
    assert now + SHORT_LEASE <= log.claimed_at < now + SHORT_LEASE + 1.0


def test_while_nothing_is_to_do_it_looks_at_most_so_often_and_writes_nothing():
    log, began = WatchedLog(), time.monotonic()
    with serving(log):
        assert log.looked_often.wait(LIMIT)
        elapsed = time.monotonic() - began
    assert log.calls.count("claim_next") <= elapsed / POLL + 2
    assert set(log.calls) <= READS | {"renew"}


def test_the_log_is_told_who_is_spared_and_that_it_is_over():
    log, clock = MemorySagaLog(), JumpingClock(1000.0)
    source = Undoes()
    source.fails = True
    worker = Worker(log, source, clock, threads=1, lease=1e9)
    for number in range(5):
        left_by_a_dead_worker(log, f"s{number}", clock.now(), 0.0)
    for _ in range(5):
        drive_one(worker)
    worker._tell_who_is_spared()
    assert log.spared(clock.now()) == {"files": 1}
    clock.time += 3 * TELL
    assert log.spared(clock.now()) == {}  # as if it had died
    worker._tell_who_is_spared()
    assert log.spared(clock.now()) == {"files": 1}
    source.fails = False
    log.wake(clock.now())
    drive_one(worker)
    worker._tell_who_is_spared()
    assert log.spared(clock.now()) == {}
    assert log.counts()[SagaState.ROLLED_BACK] >= 1


def drive_one(worker: Worker) -> None:
    record = worker.claim()
    assert record is not None
    worker.drive(record)
