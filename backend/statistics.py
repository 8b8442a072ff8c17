"""Success rate, rollback rate, latencies and step failures of the sagas in a window of time. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from backend.saga.events import Event, EventType
from backend.saga.ports import LoggedEvent
from backend.tally import CANCELLED, COUNTED, Tally

T = EventType
_FAILED = (T.STEP_REFUSED, T.STEP_UNCLEAR, T.UNDO_FAILED, T.CONFIRM_FAILED)
TELLING = frozenset({T.REQUESTED, *COUNTED, *_FAILED})
"""The events that the figures are made of."""


def statistics(entries: Iterable[LoggedEvent]) -> dict[str, Any]:
    """Figures over the sagas whose TELLING events these are, in the order of the log. Times are seconds.

    A saga that was cancelled is rolled back, and neither a success nor a failure.
    """
    sagas: dict[str, list[Event]] = {}
    rollbacks: list[float] = []
    tally = Tally(rollbacks.append)
    for entry in entries:
        sagas.setdefault(entry.saga_id, []).append(entry.event)
        tally.take(entry.saga_id, entry.event)
    outcomes = Counter(_outcome(events) for events in sagas.values())
    decided = outcomes["committed"] + outcomes["rolled_back"] + outcomes["failed"]
    meant_to_succeed = decided - tally.decided[CANCELLED]
    return {
        "sagas": len(sagas),
        "by_outcome": {outcome: count for outcome, count in outcomes.items() if count},
        "cancelled": tally.decided[CANCELLED],
        "success_rate": outcomes["committed"] / meant_to_succeed if meant_to_succeed else None,
        "rollback_rate": outcomes["rolled_back"] / decided if decided else None,
        "consecutive_failures": tally.most_failures_in_a_row,
        "rollback_failures": tally.rollback_failures,
        "rollback_timeouts": tally.rollback_timeouts,
        "generation_seconds": _percentiles([seconds for seconds in map(_generation, sagas.values()) if seconds]),
        "rollback_seconds": _percentiles(rollbacks),
        "step_failures": Counter(e.step or "" for events in sagas.values() for e in events if e.type in _FAILED),
    }


def _outcome(events: Sequence[Event]) -> str:
    types = {event.type for event in events}
    if T.COMMITTED in types:
        return "committed"
    if T.ROLLED_BACK in types:
        return "rolled_back"
    return "failed" if T.PARKED in types else "open"


def _generation(events: Sequence[Event]) -> float | None:
    at = {event.type: event.at for event in events}
    return at[T.COMMITTED] - at[T.REQUESTED] if T.COMMITTED in at else None


def _percentiles(values: list[float]) -> dict[str, float] | None:
    if not values:
        return None
    ordered = sorted(values)
    return {f"p{percent}": ordered[min(len(ordered) - 1, len(ordered) * percent // 100)] for percent in (50, 95, 99)}
