"""What a coordinator's process does in a simulation: the real worker, until nothing is left that it could do."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, cast

from backend.saga.events import EventType
from backend.saga.ports import SagaLog, SagaRecord
from backend.saga.state import SagaState
from backend.saga_source import SagaSource
from backend.worker import POLL, Worker
from chaos.explorer.hub import START
from chaos.explorer.run import System
from chaos.explorer.saga_log import LogOfProcess
from chaos.explorer.world import Process

TIMES_PARKED = 5
"""A saga that was parked so often is stuck: a schedule's faults are over by then, and nothing new can happen to it."""
LONG_ENOUGH = 6 * 3600.0  # virtual seconds; whatever is open then stays open, a confirm that is refused for ever, say


def work_off(system: System, process: Process, source: SagaSource, lease: float) -> None:
    """Claim and drive the sagas of ``source``, wait for those that others hold, and return when the rest is stuck."""
    log = LogOfProcess(system.durable["log"], system.world, process)
    worker = Worker(
        cast(SagaLog, log),
        source,
        system.world.clock,
        threads=1,
        lease=lease,
        draw=lambda: 1.0,
        together=_one_after_the_other,
    )
    worker.name = process.name
    while True:
        while record := worker.claim():
            worker.drive(record)
        unfinished = _unfinished(cast(SagaLog, log))
        if not unfinished or system.world.clock.now() > START + LONG_ENOUGH:
            return
        soon = system.world.clock.now() + POLL
        system.world.clock.sleep_until(max(soon, min(max(one.lease_until, one.wake_at) for one in unfinished)))


def _unfinished(log: SagaLog) -> list[SagaRecord]:
    """The sagas for which there is hope: neither stuck themselves nor waiting for a project that a stuck one holds."""
    open_ones = log.find(open_only=True)
    stuck = {record.project_id for record in open_ones if _is_stuck(log, record)}
    return [record for record in open_ones if record.project_id not in stuck]


def _is_stuck(log: SagaLog, record: SagaRecord) -> bool:
    if record.state is not SagaState.FAILED:
        return False
    return sum(entry.event.type is EventType.PARKED for entry in log.events(record.saga_id)) >= TIMES_PARKED


def _one_after_the_other(calls: Sequence[Callable[[], Any]]) -> list[Any]:
    return [call() for call in calls]
