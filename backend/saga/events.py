"""Everything that can happen to a saga, as one event each (R12): the log, the history, the audit trail are these."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from backend.saga.state import SagaState


class EventType(StrEnum):
    """The name of a transition; those in FORCED are on disk before anything follows from them (R1, R8, R13)."""

    REQUESTED = "saga.requested"
    CLAIMED = "saga.claimed"
    PREPARED = "saga.prepared"
    BEGUN = "saga.begun"
    STEP_STARTED = "step.started"
    STEP_DONE = "step.done"
    STEP_REFUSED = "step.refused"
    STEP_UNCLEAR = "step.unclear"
    CANCEL_REQUESTED = "saga.cancel_requested"
    ROLLBACK_BEGAN = "saga.rollback_began"
    UNDO_STARTED = "undo.started"
    UNDO_DONE = "undo.done"
    UNDO_FAILED = "undo.failed"
    UNDO_SKIPPED = "undo.skipped"
    PARKED = "saga.parked"
    RETRY_REQUESTED = "saga.retry_requested"
    ROLLED_BACK = "saga.rolled_back"
    COMMITTED = "saga.committed"
    CONFIRM_STARTED = "confirm.started"
    CONFIRM_DONE = "confirm.done"
    CONFIRM_FAILED = "confirm.failed"
    FINISHED = "saga.finished"


FORCED = frozenset(
    {EventType.REQUESTED, EventType.BEGUN, EventType.COMMITTED, EventType.PARKED, EventType.UNDO_SKIPPED}
)
"""ROLLED_BACK need not be: when it is lost the saga is undone once more, and every undo may be repeated (R6)."""

STATE_AFTER: Mapping[EventType, SagaState] = {
    EventType.REQUESTED: SagaState.PENDING,
    EventType.BEGUN: SagaState.EXECUTING,
    EventType.ROLLBACK_BEGAN: SagaState.ROLLING_BACK,
    EventType.RETRY_REQUESTED: SagaState.ROLLING_BACK,
    EventType.PARKED: SagaState.FAILED,
    EventType.ROLLED_BACK: SagaState.ROLLED_BACK,
    EventType.COMMITTED: SagaState.COMMITTED,
}
"""The state that an event leads to; events that are not named leave the state as it is."""

CLOSING = frozenset({EventType.ROLLED_BACK, EventType.FINISHED})
"""After one of these a saga holds nothing and nobody needs to look at it again."""


@dataclass(frozen=True)
class Event:
    """One transition of one saga.

    Attributes:
        at: wall-clock seconds; for people and for retry times, never for order (order is the position in the log).
        step: the step it is about, or None.
        data: JSON values only; never a token, never file content.
    """

    type: EventType
    at: float
    step: str | None = None
    data: Mapping[str, Any] = field(default_factory=dict)
