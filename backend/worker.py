"""The worker: claims generations, drives their sagas, and takes over what a dead worker left (R9)."""

from __future__ import annotations

import logging
import os
import signal
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from backend.adapters import SystemClock, draw, log_event, run_together
from backend.lease import Heartbeat
from backend.saga.errors import LeaseLost
from backend.saga.events import Event, EventType
from backend.saga.ports import Clock, SagaLog, SagaRecord
from backend.saga.runner import OpenSaga, SagaRunner
from backend.saga_source import PreparationFailed, SagaSource

log = logging.getLogger("worker")

POLL = 0.1  # seconds between looks at the log while nothing is to do
PATIENCE = 2.0  # seconds that a thread waits for a retry before it gives the saga back for a while
AFTER_A_DEFECT = 5.0  # seconds before a saga whose driving raised a defect is tried again
GRACE = 10.0  # seconds that running sagas get to finish after SIGTERM


class Worker:
    """Drives up to ``threads`` sagas at a time until it is stopped.

    Args:
        lease: seconds; when the worker gives no sign of life for so long, others may take its sagas.
    """

    def __init__(self, saga_log: SagaLog, source: SagaSource, clock: Clock, *, threads: int, lease: float) -> None:
        self.saga_log, self.source, self.clock = saga_log, source, clock
        self.threads, self.lease = threads, lease
        self.name = f"{socket.gethostname()}-{os.getpid()}"
        self.runner = SagaRunner(saga_log, clock, draw, run_together, log_event)
        self._free = threading.Semaphore(threads)

    def serve(self, stop: threading.Event) -> None:
        """Claim and drive sagas until ``stop`` is set, then let the running ones finish."""
        pool = ThreadPoolExecutor(self.threads, thread_name_prefix="saga")
        with Heartbeat(self.saga_log, self.clock, self.name, self.lease):
            while not stop.is_set():
                self._claim_or_wait(pool, stop)
            pool.shutdown(wait=True, cancel_futures=True)

    def drive(self, record: SagaRecord) -> None:
        """Drive one claimed saga as far as it goes now, then give it back. Never raises."""
        wake_at = self.clock.now()
        try:
            wake_at = self._drive(record) or wake_at
        except LeaseLost as lost:
            log.warning("[%s] %s", record.saga_id, lost)
            return
        except Exception:
            log.exception("[%s] the worker hit a defect; the saga is tried again in a while", record.saga_id)
            wake_at = self.clock.now() + AFTER_A_DEFECT
        self.saga_log.release(record.saga_id, record.fence, wake_at)

    def _claim_or_wait(self, pool: ThreadPoolExecutor, stop: threading.Event) -> None:
        if not self._free.acquire(timeout=POLL):
            return
        record = None
        try:
            record = self.saga_log.claim_next(self.name, self.lease, self.clock.now(), (self.source.saga_type,))
        except Exception:
            log.exception("the saga log cannot be read")
        if record is None:
            self._free.release()
            stop.wait(POLL)
            return
        pool.submit(self.drive, record).add_done_callback(lambda _: self._free.release())

    def _drive(self, record: SagaRecord) -> float | None:
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
        return self.runner.run(saga, PATIENCE)

    def _note(self, saga: OpenSaga, made: dict[str, Any]) -> None:
        self.runner.record(saga, Event(EventType.PREPARED, self.clock.now(), None, made))


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
        signal.signal(signum, lambda *_: _stop_soon(stop))
    worker, saga_log = open_worker(settings, SystemClock())
    log.info("worker %s is ready: %d sagas at a time, lease %.1f s", worker.name, worker.threads, worker.lease)
    worker.serve(stop)
    saga_log.close()


def _stop_soon(stop: threading.Event) -> None:
    """Stop claiming; whatever still runs after the grace is left to its lease, as after a crash."""
    if not stop.is_set():
        stop.set()
        timer = threading.Timer(GRACE, os._exit, args=(0,))
        timer.daemon = True
        timer.start()


if __name__ == "__main__":
    main()
