"""The words for where a saga is and what a step may do."""

from __future__ import annotations

from enum import StrEnum


class SagaState(StrEnum):
    """Where a saga is.

    PENDING ──▶ EXECUTING ──▶ COMMITTED
       │            │
       │            ▼
       │       ROLLING_BACK ──▶ ROLLED_BACK
       │            ▲ │
       └────────────┘ ▼
                    FAILED
    """

    PENDING = "pending"
    """Asked for; nothing was sent to a participant yet."""
    EXECUTING = "executing"
    """Its intents are durable and its steps run."""
    COMMITTED = "committed"
    """The commit record is durable; it only goes forward (R8)."""
    ROLLING_BACK = "rolling_back"
    """Every step that started is being undone, last in, first out (R5)."""
    ROLLED_BACK = "rolled_back"
    """Nothing of it is left anywhere."""
    FAILED = "failed"
    """Its rollback is stuck: a dead letter waits for an operator or the slow automatic retry (R10)."""


class StepKind(StrEnum):
    """What may become of a step once it is done (Garcia-Molina and Salem 1987; the three words: Richardson)."""

    COMPENSABLE = "compensable"
    """It can be undone."""
    PIVOT = "pivot"
    """The point of no return: once it is confirmed and the commit record is durable the saga goes forward."""
    RETRIABLE = "retriable"
    """It comes after the pivot and is repeated until it succeeds."""
