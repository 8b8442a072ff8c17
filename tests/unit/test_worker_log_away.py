"""A log that is away in the middle of a saga is no defect: it is said once, and the saga goes on when it is back."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sqlalchemy.exc import OperationalError

from backend.adapters import SystemClock
from backend.outage import Outage
from backend.saga.definition import SagaDefinition, SagaStep
from backend.saga.events import Event, EventType
from backend.saga.ports import LoggedEvent, NewSaga, SagaRecord
from backend.saga.state import SagaState
from backend.saga_log.memory import MemorySagaLog
from backend.worker import Worker

T = EventType
LIMIT = 10.0  # seconds, far beyond what any of these should take
LEASE = 0.6  # of which a third passes between two renewals
GONE = OperationalError("UPDATE sagas", {}, Exception("server closed the connection\n\tThis probably means"))
AWAY = "the saga log cannot be read or written now: (builtins.Exception) server closed the connection"
BACK = "the saga log can be read and written again"


class Leaves(MemorySagaLog):
    """Is away from the first step on until it is told to come back."""

    def __init__(self) -> None:
        super().__init__()
        self.away = False
        self.releases_refused, self.renewals_refused = threading.Semaphore(0), threading.Semaphore(0)

    def leave(self) -> None:
        """The step takes until a renewal of its saga's lease was refused."""
        self.away = True
        assert self.renewals_refused.acquire(timeout=LIMIT)

    def append(self, *arguments) -> list[LoggedEvent]:
        self._there()
        return super().append(*arguments)

    def claim_next(self, *arguments) -> SagaRecord | None:
        self._there()
        return super().claim_next(*arguments)

    def renew(self, *arguments) -> None:
        self._there(self.renewals_refused)
        super().renew(*arguments)

    def release(self, *arguments) -> None:
        self._there(self.releases_refused)
        super().release(*arguments)

    def _there(self, refused: threading.Semaphore | None = None) -> None:
        if self.away:
            if refused is not None:
                refused.release()
            raise GONE


class LosesTheFirstClaim(MemorySagaLog):
    """Takes the first claim down, and its answer never arrives: the database crashed between the two."""

    lost = False

    def claim_next(self, *arguments) -> SagaRecord | None:
        record = super().claim_next(*arguments)
        if record is not None and not self.lost:
            self.lost = True
            raise GONE
        return record


class OneStep:
    """Sagas of one step, which is undone in the end."""

    saga_type = "test"

    def __init__(self, during: Callable[[], None] = lambda: None) -> None:
        self.during, self.done, self.undone = during, threading.Event(), threading.Event()

    def prepare(self, record: SagaRecord, note: object) -> SagaDefinition:
        return self.recover(record)

    def recover(self, record: SagaRecord) -> SagaDefinition:
        return SagaDefinition((SagaStep("save", self._save, self.undone.set),))

    def deadline(self, record: SagaRecord) -> float:
        return record.created_at + 600.0

    def _save(self) -> None:
        self.during()
        self.done.set()


@contextmanager
def serving(worker: Worker) -> Iterator[None]:
    stop = threading.Event()
    thread = threading.Thread(target=worker.serve, args=(stop,))
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(LIMIT)
    assert not thread.is_alive()


def test_it_is_said_once_without_a_story_and_the_saga_comes_to_its_end(caplog):
    log, clock = Leaves(), SystemClock()
    source = OneStep(log.leave)
    log.create(NewSaga("s1", "test", "p", "u", {}), Event(T.REQUESTED, clock.now()))
    caplog.set_level(logging.INFO)
    with serving(Worker(log, source, clock, threads=2, lease=LEASE)):
        assert log.releases_refused.acquire(timeout=LIMIT)  # by the thread that drove it
        assert log.releases_refused.acquire(timeout=LIMIT)  # by the worker, before it claims anything else
        log.away = False
        assert source.undone.wait(LIMIT)
    assert (log.get("s1").state, log.get("s1").closed) == (SagaState.ROLLED_BACK, True)
    told = [line for line in caplog.records if line.name in ("worker", "backend.outage")]
    let_go = "[s1] let go of until the saga log can be read and written again"
    assert [line.getMessage() for line in told] == [AWAY, let_go, BACK]
    assert not any(line.exc_info for line in told)


def test_a_saga_whose_claim_was_made_and_not_answered_is_driven_once_its_lease_has_ended():
    """Its worker lives, and must not renew for ever what it does not know that it holds."""
    log, source, clock = LosesTheFirstClaim(), OneStep(), SystemClock()
    log.create(NewSaga("s1", "test", "p", "u", {}), Event(T.REQUESTED, clock.now()))
    with serving(Worker(log, source, clock, threads=2, lease=LEASE)):
        assert source.done.wait(LIMIT)
    claims = [entry.event.data["fence"] for entry in log.events("s1") if entry.event.type is T.CLAIMED]
    assert (log.lost, claims) == (True, [1, 2])


def test_a_defect_is_told_with_its_story_also_behind_an_outage(caplog):
    outage = Outage()
    caplog.set_level(logging.INFO)
    defect = KeyError("a column")
    for error in (GONE, GONE, defect, defect, GONE):
        outage.found(error)
    outage.over()
    outage.over()
    assert [(line.levelname, bool(line.exc_info)) for line in caplog.records] == [
        ("WARNING", False),
        ("WARNING", True),
        ("WARNING", False),
        ("INFO", False),
    ]
