"""The saga log as one coordinator's process sees it: every durable write is a point at which something can go wrong."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from typing import Any, TypeVar

from backend.generations import CANCELLABLE
from backend.saga.errors import NotAllowed
from backend.saga.events import Event, EventType
from backend.saga.ports import LoggedEvent, NewSaga, SagaLog, SagaRecord
from chaos.explorer.schedule import WRITE_KINDS, FaultKind
from chaos.explorer.world import Entry, Process, World

T = TypeVar("T")
K = FaultKind


def durable_write(
    world: World,
    process: Process,
    what: str,
    write: Callable[[], T],
    saga_id: str | None = None,
    cancel: Callable[[], object] | None = None,
) -> T:
    """Make one durable write of a coordinator, under the faults of its point.

    Args:
        cancel: what a client does to cancel the saga; None: it cannot.

    Raises:
        Killed: the process dies.
        OSError: the disk is full (nothing was written) or broken (it was, and nobody knows).
    """
    possible = [kind for kind in WRITE_KINDS if cancel is not None or kind is not K.CANCELLED]
    kinds = {fault.kind for fault in world.point(f"coordinator writes {what}", possible)}
    if K.CANCELLED in kinds and cancel is not None:
        cancel()
    if K.PAUSED in kinds:
        world.pause(process)
    if K.KILLED_BEFORE in kinds:
        world.die(process)
    if K.LOG_FULL in kinds:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    written = write()
    world.trace.append(Entry(world.seconds(), "write", process.name, "log", what, "durable", saga_id))
    if K.KILLED_AFTER in kinds:
        world.die(process)
    if K.LOG_ERROR in kinds:
        raise OSError(errno.EIO, os.strerror(errno.EIO))
    return written


class LogOfProcess:
    """The log of one coordinator's process; everything that is no durable write goes straight through.

    Claims and releases are no points: a coordinator that dies at one of them is as one that dies at the write or call
    after or before it, with nothing in between.
    """

    def __init__(self, log: SagaLog, world: World, process: Process) -> None:
        self._log, self._world, self._process = log, world, process

    def __getattr__(self, name: str) -> Any:
        return getattr(self._log, name)

    def create(self, saga: NewSaga, event: Event, **more: Any) -> SagaRecord:
        return self._write(saga.saga_id, [event], lambda: self._log.create(saga, event, **more))

    def append(self, saga_id: str, fence: int, known_seq: int, events: Sequence[Event]) -> list[LoggedEvent]:
        def write() -> list[LoggedEvent]:
            return self._log.append(saga_id, fence, known_seq, events)

        return self._write(saga_id, events, write, lambda: self._cancel(saga_id))

    def claim_next(self, worker: str, lease: float, now: float, saga_types: Collection[str]) -> SagaRecord | None:
        self._beat(now)
        return self._log.claim_next(worker, lease, now, saga_types)

    def claim(self, saga_id: str, worker: str, lease: float, now: float) -> SagaRecord:
        self._beat(now)
        return self._log.claim(saga_id, worker, lease, now)

    def _beat(self, now: float) -> None:
        """Whoever is alive and not paused renewed its leases in time: that is what its heartbeat is for.

        What it holds the log knows, also of processes that are others for real. No answer to a claim is ever lost here.
        """
        held = [(record.worker, record.saga_id) for record in self._log.find(open_only=True)]
        for process in self._world.processes:
            if process.alive and not process.paused:
                its = [saga_id for worker, saga_id in held if worker == process.name]
                self._log.renew(process.name, self._world.lease, now, its)

    def _cancel(self, saga_id: str) -> None:
        by_client = {"by": "client", "reason": "cancelled"}
        asked = Event(EventType.CANCEL_REQUESTED, self._world.clock.now(), None, by_client)
        with suppress(NotAllowed):
            self._log.operate(saga_id, CANCELLABLE, [asked])

    def _write(
        self,
        saga_id: str,
        events: Sequence[Event],
        write: Callable[[], T],
        cancel: Callable[[], object] | None = None,
    ) -> T:
        what = " + ".join(f"{event.type} of {event.step}" if event.step else str(event.type) for event in events)
        return durable_write(self._world, self._process, what, write, saga_id, cancel)
