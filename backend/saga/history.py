"""What a saga's events amount to: the one reading of the log that decisions and status both use."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from backend.saga.events import CLOSING, STATE_AFTER, Event, EventType
from backend.saga.state import SagaState

T = EventType
AUTOMATIC = "automatic"
"""Who asks for a retry when nobody does: the slow retry of parked sagas (R10)."""


@dataclass
class StepHistory:
    """What is known of one step.

    Attributes:
        retry_at: when the next attempt of whatever failed last may begin; None when it was the last attempt.
    """

    started: bool = False
    attempts: int = 0
    done: bool = False
    result: Any = None
    gave_up: bool = False
    undone: bool = False
    undo_attempts: int = 0
    undo_gave_up: bool = False
    confirmed: bool = False
    confirm_attempts: int = 0
    retry_at: float | None = None
    problem: str | None = None


@dataclass
class History:
    """What is known of one saga.

    Attributes:
        rollback_began_at: wall-clock seconds.
        parks: how often its rollback was parked.
        urgent: an operator asked for a retry that was not made yet.
    """

    state: SagaState = SagaState.PENDING
    closed: bool = False
    begun: bool = False
    taken_over: bool = False
    cancel_reason: str | None = None
    rollback_reason: str | None = None
    rollback_began_at: float | None = None
    parks: int = 0
    failed_step: str | None = None
    error: str | None = None
    parked_until: float | None = None
    urgent: bool = False
    order: list[str] = field(default_factory=list)
    steps: dict[str, StepHistory] = field(default_factory=dict)

    def step(self, name: str) -> StepHistory:
        return self.steps.setdefault(name, StepHistory())

    def maybe_started(self, name: str) -> bool:
        """Whether the step's action may have been sent (R4).

        Start records are not forced (R13), so after a take-over a step without one may have started all the same.
        """
        return self.step(name).started or self.taken_over

    def copied(self) -> History:
        """One to apply events to that are not in the log yet."""
        other = copy.copy(self)
        other.order = list(self.order)
        other.steps = {name: copy.copy(step) for name, step in self.steps.items()}
        return other

    @property
    def results(self) -> dict[str, Any]:
        """What each step that is done returned."""
        return {name: step.result for name, step in self.steps.items() if step.done}

    @property
    def completed(self) -> int:
        """How many steps are done."""
        return sum(step.done for step in self.steps.values())


def read_history(events: Iterable[Event]) -> History:
    """Fold ``events``, in log order, into what they amount to."""
    history = History()
    for event in events:
        apply(history, event)
    return history


def apply(history: History, event: Event) -> None:
    """Add one more event, in place."""
    history.state = STATE_AFTER.get(event.type, history.state)
    history.closed = history.closed or event.type in CLOSING
    if event.step is not None:
        _apply_to_step(history.step(event.step), event)
    match event.type:
        case T.BEGUN:
            history.begun = True
            history.order = [step["name"] for step in event.data.get("steps", ())]
        case T.CLAIMED:
            # Only the worker that began a saga holds what its actions need; a released one that was still executing
            # goes back as well.
            lost = event.data.get("lost") is not None or history.state is SagaState.EXECUTING
            history.taken_over = history.taken_over or (history.begun and lost)
        case T.CANCEL_REQUESTED:
            history.cancel_reason = str(event.data.get("reason") or "cancelled")
        case T.ROLLBACK_BEGAN:
            history.rollback_reason = str(event.data.get("reason"))
            history.rollback_began_at = event.at
            history.failed_step = event.data.get("failed_step")
            history.error = history.rollback_reason
        case T.ROLLED_BACK:
            history.error = event.data.get("error", history.error)
        case T.PARKED:
            history.parked_until = event.data.get("retry_at")
            history.parks += 1
        case T.UNDO_STARTED:
            history.urgent = False
        case T.RETRY_REQUESTED:
            history.parked_until, history.urgent = None, event.data.get("by") != AUTOMATIC
            for step in history.steps.values():
                step.undo_attempts, step.undo_gave_up, step.retry_at = 0, False, None


def _apply_to_step(step: StepHistory, event: Event) -> None:
    match event.type:
        case T.STEP_STARTED:
            step.started, step.attempts, step.retry_at = True, step.attempts + 1, None
        case T.STEP_DONE:
            step.done, step.result = True, event.data.get("result")
        case T.STEP_REFUSED:
            step.gave_up, step.problem = True, event.data.get("problem")
        case T.STEP_UNCLEAR:
            step.problem, step.retry_at = event.data.get("problem"), event.data.get("retry_at")
            step.gave_up = step.retry_at is None
        case T.UNDO_STARTED:
            step.undo_attempts, step.retry_at = step.undo_attempts + 1, None
        case T.UNDO_DONE | T.UNDO_SKIPPED:
            step.undone, step.undo_gave_up = True, False
        case T.UNDO_FAILED:
            step.problem, step.retry_at = event.data.get("problem"), event.data.get("retry_at")
            step.undo_gave_up = step.retry_at is None
        case T.CONFIRM_STARTED:
            step.confirm_attempts, step.retry_at = step.confirm_attempts + 1, None
        case T.CONFIRM_DONE:
            step.confirmed = True
        case T.CONFIRM_FAILED:
            step.retry_at = event.data.get("retry_at")
