"""The next move of a saga: a pure function of its definition and its events. Everything that drives a saga calls it.

nothing begun ──▶ Begin
a step to do ───▶ Run          a step gave up, a cancel, a take-over ──▶ TurnBack ──▶ Undo … ──▶ Finish(ROLLED_BACK)
pivot done ─────▶ Commit ──▶ Run (retriable) ──▶ Confirm ──▶ Finish(COMMITTED)      └──▶ Park ──▶ Rest
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from backend.saga.definition import SagaDefinition, SagaStep
from backend.saga.events import Event
from backend.saga.history import History, read_history
from backend.saga.state import SagaState


@dataclass(frozen=True)
class Begin:
    """Write the begin record, which names every intended effect (R1, R13)."""


@dataclass(frozen=True)
class Run:
    """Call the actions of these steps, together."""

    steps: tuple[str, ...]


@dataclass(frozen=True)
class TurnBack:
    """Write down that the saga rolls back from here on, and why."""

    reason: str
    failed_step: str | None = None


@dataclass(frozen=True)
class Undo:
    """Call the compensations of these steps, together."""

    steps: tuple[str, ...]


@dataclass(frozen=True)
class Commit:
    """Write the commit record (R8)."""


@dataclass(frozen=True)
class Confirm:
    """Tell the participants of these steps that the saga is committed."""

    steps: tuple[str, ...]


@dataclass(frozen=True)
class Park:
    """The compensation of this step is exhausted: a dead letter (R10)."""

    step: str
    problem: str


@dataclass(frozen=True)
class Finish:
    """Nothing is left to do: close the saga in this state."""

    state: SagaState


@dataclass(frozen=True)
class Rest:
    """Nothing to do: the saga is closed, or parked until an operator or the slow automatic retry speaks."""


Move = Begin | Run | TurnBack | Undo | Commit | Confirm | Park | Finish | Rest


def next_move(definition: SagaDefinition, events: Sequence[Event]) -> Move:
    """What must happen next. The same for a first run and for a recovery."""
    return move_from(definition, read_history(events))


def move_from(definition: SagaDefinition, history: History) -> Move:
    """As ``next_move``, from a history already read."""
    if history.closed or history.state is SagaState.FAILED:
        return Rest()
    if history.state is SagaState.COMMITTED:
        return _go_forward(definition, history)
    if history.state is SagaState.ROLLING_BACK:
        return _go_back(definition, history)
    return _reason_to_turn_back(definition, history) or _begin_or_run(definition, history)


def _reason_to_turn_back(definition: SagaDefinition, history: History) -> TurnBack | None:
    if history.cancel_reason is not None:
        return TurnBack(history.cancel_reason)
    for step in definition.before_commit:
        if (known := history.step(step.name)).gave_up:
            return TurnBack(known.problem or "failed", step.name)
    if history.taken_over:
        return TurnBack("the worker that ran it was lost")
    return None


def _begin_or_run(definition: SagaDefinition, history: History) -> Move:
    if not history.begun:
        return Begin()
    return _run_next(definition, history, definition.before_commit) or Commit()


def _run_next(definition: SagaDefinition, history: History, steps: Sequence[SagaStep]) -> Run | None:
    for group in definition.groups(steps):
        waiting = tuple(step.name for step in group if not history.step(step.name).done)
        if waiting:
            return Run(waiting)
    return None


def _go_forward(definition: SagaDefinition, history: History) -> Move:
    if run := _run_next(definition, history, definition.after_commit):
        return run
    waiting = tuple(step.name for step in definition.steps if step.confirm and not history.step(step.name).confirmed)
    return Confirm(waiting) if waiting else Finish(SagaState.COMMITTED)


def _go_back(definition: SagaDefinition, history: History) -> Move:
    for group in reversed(definition.groups(definition.before_commit)):
        stuck = next((step.name for step in group if history.step(step.name).undo_gave_up), None)
        if stuck is not None:
            return Park(stuck, history.step(stuck).problem or "failed")
        waiting = tuple(step.name for step in group if _must_be_undone(step, history))
        if waiting:
            return Undo(waiting)
    return Finish(SagaState.ROLLED_BACK)


def _must_be_undone(step: SagaStep, history: History) -> bool:
    known = history.step(step.name)
    return step.compensation is not None and history.maybe_started(step.name) and not known.undone
