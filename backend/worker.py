"""The worker: claims generations, drives their sagas, and takes over what a dead worker left (R9)."""

from __future__ import annotations

import logging
import os
import secrets
import signal
import socket
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import suppress
from pathlib import Path
from typing import Any

from backend.adapters import SystemClock, draw, log_event, run_together
from backend.circuits import Circuits
from backend.lease import Heartbeat
from backend.outage import LOG_IS_AWAY, Outage
from backend.saga.errors import HistoryLost, LeaseLost
from backend.saga.events import Event, EventType
from backend.saga.ports import Clock, Draw, SagaLog, SagaRecord, Together
from backend.saga.runner import OpenSaga, SagaRunner
from backend.saga_source import PreparationFailed, SagaSource

log = logging.getLogger("worker")

POLL = 0.1  # seconds between looks at the log while nothing is to do
AWAY = 1.0  # seconds between tries of a log that cannot be read or written
PATIENCE = 2.0  # seconds that a thread waits for a retry before it gives the saga back for a while
SCOUT = 30.0  # seconds between the parked sagas that are woken, one at a time, while a participant is away
TELL = 5.0  # seconds between repetitions of who is spared, while somebody is
AFTER_A_DEFECT = 5.0  # seconds before a saga whose driving raised a defect is tried again


class Worker:
    """Drives up to ``threads`` sagas at a time until it is stopped.

    Args:
        lease: seconds; when the worker gives no sign of life for so long, others may take its sagas.
        grace: seconds that running sagas get to finish once it is stopped.
    """

    def __init__(
        self,
        saga_log: SagaLog,
        source: SagaSource,
        clock: Clock,
        *,
        threads: int,
        lease: float,
        grace: float = 8.0,
        draw: Draw = draw,
        together: Together = run_together,
    ) -> None:
        self.saga_log, self.source, self.clock = saga_log, source, clock
        self.threads, self.lease, self.grace = threads, lease, grace
        # In a container the host's name and the process id stay the same over a restart; nobody may renew the leases of
        # whoever had them before.
        self.name = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}"
        self.circuits = Circuits(clock, self._wake)
        self.runner = SagaRunner(saga_log, clock, draw, together, log_event, self.circuits)
        self._next_scout = 0.0
        self._told: tuple[frozenset[str], float] = (frozenset(), 0.0)
        self._outage = Outage()
        self._free = threading.Semaphore(threads)
        self._in_hand: dict[Future[None], SagaRecord] = {}
        self._owed: list[tuple[SagaRecord, float]] = []

    def serve(self, stop: threading.Event, alive: Callable[[], None] = lambda: None) -> int:
        """Claim and drive sagas until ``stop`` is set; then let the running ones finish, or hand them over.

        Args:
            alive: called in every round, some ten times a second.

        Returns:
            How many were handed over: their calls may still be under way, and the process should end.
        """
        pool = ThreadPoolExecutor(self.threads, thread_name_prefix="saga")
        with Heartbeat(self.saga_log, self.clock, self.name, self.lease, self._saga_ids, self._outage):
            while not stop.is_set():
                alive()
                self._tell_who_is_spared()
                self._claim_or_wait(pool, stop)
            pool.shutdown(wait=False)
            _, unfinished = wait(list(self._in_hand), timeout=self.grace)
        held = [self._in_hand.get(future) for future in unfinished]
        return self._hand_over([record for record in held if record is not None])

    def claim(self) -> SagaRecord | None:
        """Take the next saga that needs work, if there is one."""
        self._scout()
        return self.saga_log.claim_next(self.name, self.lease, self.clock.now(), (self.source.saga_type,))

    def drive(self, record: SagaRecord) -> None:
        """Drive one claimed saga as far as it goes now, then give it back, unless its end did. Never raises."""
        try:
            wake_at = self._drive(record)
        except LeaseLost as lost:
            log.warning("[%s] %s", record.saga_id, lost)
            return
        except HistoryLost as lost:  # whoever claims it next reads what the database still has
            log.warning("[%s] %s", record.saga_id, lost)
            wake_at = self.clock.now()
        except LOG_IS_AWAY as away:  # no defect: whoever claims it next goes on from what the log has
            self._outage.found(away)
            log.warning("[%s] let go of until the saga log can be read and written again", record.saga_id)
            wake_at = self.clock.now() + AWAY
        except Exception:
            log.exception("[%s] the worker hit a defect; the saga is tried again in a while", record.saga_id)
            wake_at = self.clock.now() + AFTER_A_DEFECT
        if wake_at is not None:
            self._give_back(record, wake_at)

    def _give_back(self, record: SagaRecord, wake_at: float) -> None:
        try:
            self.saga_log.release(record.saga_id, record.fence, wake_at)
        except Exception as error:  # nobody else may have it before its lease ends: try again soon
            self._outage.found(error)
            self._owed.append((record, wake_at))

    def _pay_back(self) -> None:
        while self._owed:
            record, wake_at = self._owed[0]
            self.saga_log.release(record.saga_id, record.fence, wake_at)
            self._owed.pop(0)

    def _hand_over(self, unfinished: list[SagaRecord]) -> int:
        """Let go of what did not finish in time, so that another worker need not wait for the leases to end.

        A call that is still under way meets its participant's barrier (R6), and its result a newer fence (R9).
        """
        for record in unfinished:
            log.warning("[%s] not finished %.0f s after the order to stop: handed over", record.saga_id, self.grace)
            self._give_back(record, self.clock.now())
        return len(unfinished)

    def _wake(self, limit: int | None = None) -> None:
        try:
            self.saga_log.wake(self.clock.now(), limit)
        except Exception as error:  # then each wakes at its own time
            self._outage.found(error)

    def _scout(self) -> None:
        """Parked sagas sleep long; so that a participant's return is noticed soon, one of them goes and looks."""
        if self.circuits.spared() and self.clock.now() >= self._next_scout:
            self._next_scout = self.clock.now() + SCOUT
            self._wake(1)

    def _tell_who_is_spared(self) -> None:
        """In the log, for the backend's /metrics: a worker listens nowhere. What a dead one said is soon outdated."""
        spared, now = self.circuits.spared(), self.clock.now()
        told, at = self._told
        if spared != told or (spared and now >= at + TELL):
            with suppress(Exception):  # then the next round tries again; whoever claims tells that the log is away
                self.saga_log.spare(self.name, spared, now, now + 3 * TELL)
                self._told = (spared, now)

    def _claim_or_wait(self, pool: ThreadPoolExecutor, stop: threading.Event) -> None:
        if not self._free.acquire(timeout=POLL):
            return
        record = None
        try:
            self._pay_back()
            record = self.claim()
            self._outage.over()
        except Exception as error:
            self._outage.found(error)
            stop.wait(AWAY)
        if record is None:
            self._free.release()
            stop.wait(POLL)
            return
        future = pool.submit(self.drive, record)
        self._in_hand[future] = record
        future.add_done_callback(self._done)

    def _saga_ids(self) -> list[str]:
        return [record.saga_id for record in list(self._in_hand.values())]

    def _done(self, future: Future[None]) -> None:
        self._in_hand.pop(future, None)
        self._free.release()

    def _drive(self, record: SagaRecord) -> float | None:
        """When somebody is to look at the saga again, in wall-clock seconds; None when it is closed."""
        saga = OpenSaga(record.saga_id, record.fence, self.source.recover(record), self.source.deadline(record))
        logged = self.saga_log.events(record.saga_id)
        saga.take_in(logged)
        log_event(record.saga_id, logged[-1].event, saga.history)
        if not saga.history.begun and saga.history.cancel_reason is None:
            try:
                saga.definition = self.source.prepare(record, lambda made: self._note(saga, made))
            except PreparationFailed as failed:
                over = Event(EventType.ROLLED_BACK, self.clock.now(), None, {"error": str(failed)})
                self.runner.record(saga, over)
                return None
        wake_at = self.runner.run(saga, PATIENCE)
        return None if saga.history.closed else wake_at or self.clock.now()

    def _note(self, saga: OpenSaga, made: dict[str, Any]) -> None:
        self.runner.record(saga, Event(EventType.PREPARED, self.clock.now(), None, made))


def _sign_of_life(file: Path | None) -> Callable[[], None]:
    """Touches ``file``, for a healthcheck: a worker listens nowhere."""
    return file.touch if file else lambda: None


def main() -> None:
    """Run a worker until SIGTERM or SIGINT."""
    from backend.composition import open_worker
    from backend.settings import Settings
    from service_kit.logs import configure_logging
    from service_kit.settings import load_settings

    configure_logging("worker")
    settings = load_settings(Settings, "worker")
    stop = threading.Event()
    for signum in (signal.SIGTERM, signal.SIGINT):
        signal.signal(signum, lambda *_: stop.set())
    worker, saga_log = open_worker(settings, SystemClock())
    log.info("worker %s is ready: %d sagas at a time, lease %.1f s", worker.name, worker.threads, worker.lease)
    handed_over = worker.serve(stop, _sign_of_life(settings.worker_alive_file))
    saga_log.close()
    if handed_over:  # their threads wait for answers that are nobody's business any more
        logging.shutdown()
        os._exit(0)


if __name__ == "__main__":
    main()
