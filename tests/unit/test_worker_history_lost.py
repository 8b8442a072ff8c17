"""A database that crashed under a worker is no defect of the worker: the saga is driven anew from what the log has."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from backend.saga.definition import SagaDefinition
from backend.saga.errors import HistoryLost
from backend.saga.events import Event, EventType
from backend.saga.ports import LoggedEvent, NewSaga, SagaRecord
from backend.saga.state import SagaState
from backend.saga_log.memory import MemorySagaLog
from backend.worker import Worker
from tests.unit.saga_worlds import JumpingClock, World

T = EventType


class ForgetsOnce(MemorySagaLog):
    """Refuses the first event of this type, as a log does whose database crashed and lost the one before."""

    def __init__(self, refused: EventType) -> None:
        super().__init__()
        self.refused: EventType | None = refused

    def append(self, saga_id: str, fence: int, known_seq: int, events: Sequence[Event]) -> list[LoggedEvent]:
        if self.refused in (event.type for event in events):
            self.refused = None
            raise HistoryLost("the log lost event 3 when the database crashed")
        return super().append(saga_id, fence, known_seq, events)


class OneStep:
    """Sagas of one step."""

    saga_type = "test"

    def __init__(self) -> None:
        self.world = World()

    def prepare(self, record: SagaRecord, note: object) -> SagaDefinition:
        return self.recover(record)

    def recover(self, record: SagaRecord) -> SagaDefinition:
        return SagaDefinition((self.world.step("files"),))

    def deadline(self, record: SagaRecord) -> float:
        return record.created_at + 600.0


def test_the_saga_is_free_at_once_and_rolled_back_by_whoever_claims_it_next(caplog):
    log, source, clock = ForgetsOnce(T.STEP_DONE), OneStep(), JumpingClock()
    worker = Worker(log, source, clock, threads=1, lease=60.0)
    log.create(NewSaga("s1", "test", "p", "u", {}), Event(T.REQUESTED, clock.now()))
    with caplog.at_level(logging.INFO, logger="worker"):
        worker.drive(worker.claim())
    assert [(line.levelname, line.exc_info) for line in caplog.records if line.name == "worker"] == [("WARNING", None)]
    assert (log.get("s1").worker, source.world.effects) == (None, {"files"})
    worker.drive(worker.claim())
    assert (log.get("s1").state, source.world.effects) == (SagaState.ROLLED_BACK, set())
