"""What a caller is told about a saga."""

from __future__ import annotations

from typing import Any

from backend.saga.history import History, StepHistory


def status_of(saga_id: str, history: History) -> dict[str, Any]:
    """The saga's status as JSON values: state, how many steps were completed, and each step's own state."""
    status: dict[str, Any] = {
        "saga_id": saga_id,
        "state": str(history.state),
        "closed": history.closed,
        "completed_steps": history.completed,
        "total_steps": len(history.order),
        "steps": [{"name": name, "state": _step_state(history.step(name))} for name in history.order],
    }
    if history.error:
        status["error"] = history.error
    if history.failed_step:
        status["failed_step"] = history.failed_step
    return status


def _step_state(step: StepHistory) -> str:
    known = (
        (step.undone, "undone"),
        (step.undo_gave_up, "stuck"),
        (step.undo_attempts > 0, "undoing"),
        (step.confirmed, "confirmed"),
        (step.done, "done"),
        (step.gave_up, "failed"),
        (step.started, "running"),
    )
    return next((word for holds, word in known if holds), "waiting")
