"""How sagas end, counted event by event in the order of the log: for the statistics and for the metrics (R12). Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from backend.saga.events import Event, EventType
from backend.saga.outcomes import NO_ANSWER_IN_TIME

T = EventType
COUNTED = (T.CANCEL_REQUESTED, T.ROLLBACK_BEGAN, T.UNDO_FAILED, T.PARKED, T.ROLLED_BACK, T.COMMITTED)
"""The events that are counted."""
COMMITTED, ROLLED_BACK, CANCELLED, FAILED = "committed", "rolled_back", "cancelled", "failed"
DECISIONS = (COMMITTED, ROLLED_BACK, CANCELLED, FAILED)


@dataclass
class _Open:
    rollback_began: float | None = None
    cancelled: bool = False
    parked: bool = False


@dataclass
class Tally:
    """Counts; ``take`` wants every event of COUNTED types once, those of each saga from its first on.

    Attributes:
        rollback_took: told of every rollback that had something to undo and came to its end, in seconds.
        decided: sagas by what was decided first: one that was parked and undone later stays ``failed``; ``cancelled``
            are those that were rolled back because somebody asked for it, which is no failure.
        failures_in_a_row: neither committed nor cancelled, one after the other; the newest ones.
        most_failures_in_a_row: the longest such series so far.
        rollback_failures: how often a rollback got stuck.
        rollback_timeouts: calls of compensations that got no answer in time.
    """

    rollback_took: Callable[[float], None]
    decided: Counter[str] = field(default_factory=Counter)
    failures_in_a_row: int = 0
    most_failures_in_a_row: int = 0
    rollback_failures: int = 0
    rollback_timeouts: int = 0
    _open: dict[str, _Open] = field(default_factory=dict)

    def take(self, saga_id: str, event: Event) -> None:
        """Count one event; those of other types change nothing."""
        if event.type not in COUNTED:
            return
        saga = self._open.setdefault(saga_id, _Open())
        match event.type:
            case T.CANCEL_REQUESTED:
                saga.cancelled = True
            case T.ROLLBACK_BEGAN:
                saga.rollback_began = event.at
            case T.UNDO_FAILED:
                self.rollback_timeouts += str(event.data.get("problem", "")).endswith(NO_ANSWER_IN_TIME)
            case T.PARKED:
                self.rollback_failures += 1
                self._decide(saga, FAILED)
                saga.parked = True
            case T.ROLLED_BACK:
                if saga.rollback_began is not None:
                    self.rollback_took(event.at - saga.rollback_began)
                self._decide(saga, CANCELLED if saga.cancelled else ROLLED_BACK)
                del self._open[saga_id]
            case T.COMMITTED:
                self._decide(saga, COMMITTED)
                del self._open[saga_id]

    def _decide(self, saga: _Open, outcome: str) -> None:
        if saga.parked:
            return
        self.decided[outcome] += 1
        if outcome == COMMITTED:
            self.failures_in_a_row = 0
        elif outcome != CANCELLED:
            self.failures_in_a_row += 1
            self.most_failures_in_a_row = max(self.most_failures_in_a_row, self.failures_in_a_row)
