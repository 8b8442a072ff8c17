"""The ways of calling steps: forward, on after the commit, backward, and confirming."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import assert_never

from backend.saga.decide import Confirm, Move, Run, Undo
from backend.saga.definition import SagaStep, StepCall
from backend.saga.events import EventType
from backend.saga.history import History, StepHistory
from backend.saga.retry import ONWARD, RetryPolicy
from backend.saga.state import SagaState

T = EventType


@dataclass(frozen=True)
class Direction:
    """What is called, how often, and under which event types.

    Attributes:
        failed, refused: the same where a no changes nothing: the call is repeated.
        bound_by_deadline: no attempt begins after the saga's deadline.
    """

    call: Callable[[SagaStep], StepCall | None]
    policy: Callable[[SagaStep], RetryPolicy]
    started: EventType
    done: EventType
    failed: EventType
    refused: EventType
    bound_by_deadline: bool = False


ACTION = Direction(
    lambda step: step.action, lambda step: step.retry, T.STEP_STARTED, T.STEP_DONE, T.STEP_UNCLEAR, T.STEP_REFUSED, True
)
RETRIABLE = Direction(
    lambda step: step.action, lambda step: ONWARD, T.STEP_STARTED, T.STEP_DONE, T.STEP_UNCLEAR, T.STEP_UNCLEAR
)
COMPENSATION = Direction(
    lambda step: step.compensation,
    lambda step: step.undo_retry,
    T.UNDO_STARTED,
    T.UNDO_DONE,
    T.UNDO_FAILED,
    T.UNDO_FAILED,
)
CONFIRM = Direction(
    lambda step: step.confirm,
    lambda step: ONWARD,
    T.CONFIRM_STARTED,
    T.CONFIRM_DONE,
    T.CONFIRM_FAILED,
    T.CONFIRM_FAILED,
)


def goes_forward(history: History, move: Move) -> bool:
    """Whether the move calls actions that may still be undone."""
    return isinstance(move, Run) and history.state is not SagaState.COMMITTED


def direction_of(history: History, move: Run | Undo | Confirm) -> Direction:
    """The way in which ``move`` calls its steps."""
    match move:
        case Run():
            return ACTION if goes_forward(history, move) else RETRIABLE
        case Undo():
            return COMPENSATION
        case Confirm():
            return CONFIRM
    assert_never(move)


def attempt_number(known: StepHistory, direction: Direction) -> int:
    """Which attempt the last announced one was, counted from 1."""
    if direction is COMPENSATION:
        return known.undo_attempts
    return known.confirm_attempts if direction is CONFIRM else known.attempts
