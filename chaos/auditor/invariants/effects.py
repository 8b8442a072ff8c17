"""What the checks of effects share: whose fault it is that a saga's effect stands."""

from __future__ import annotations

from chaos.auditor.sagas import Saga
from chaos.auditor.verdicts import Word


def word_of(saga: Saga, participant: str) -> Word:
    """An effect of a rolled-back saga stands: was the undo answered and lost, or never answered at all?"""
    return Word.LOST_COMPENSATION if saga.undo_answered(participant) else Word.FALSE_COMPENSATED


def undo_story(saga: Saga, participant: str) -> str:
    """What the log says of the undo, for the evidence."""
    step = saga.step_of(participant) or ""
    if step in saga.skipped:
        return f"its undo was skipped by {saga.skipped[step]}"
    return "its undo was answered" if step in saga.undone else "no undo was answered"
