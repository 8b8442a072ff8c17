"""Success rate, rollback rate, latencies and step failures of the sagas in a window of time. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from backend.saga.events import Event, EventType

T = EventType
_FAILED = (T.STEP_REFUSED, T.STEP_UNCLEAR, T.UNDO_FAILED, T.CONFIRM_FAILED)
TELLING = (T.REQUESTED, T.ROLLBACK_BEGAN, T.COMMITTED, T.ROLLED_BACK, T.PARKED, *_FAILED)
"""The events that the figures are made of."""


def statistics(sagas: Iterable[Sequence[Event]]) -> dict[str, Any]:
    """Figures over sagas, each given as its events in order, at least the TELLING ones. Times are seconds."""
    outcomes: Counter[str] = Counter()
    failures: Counter[str] = Counter()
    generations: list[float] = []
    rollbacks: list[float] = []
    for events in sagas:
        at = {event.type: event.at for event in events}
        failures.update(event.step or "" for event in events if event.type in _FAILED)
        if T.COMMITTED in at:
            outcomes["committed"] += 1
            generations.append(at[T.COMMITTED] - at[T.REQUESTED])
        elif T.ROLLED_BACK in at:
            outcomes["rolled_back"] += 1
            rollbacks.append(at[T.ROLLED_BACK] - at.get(T.ROLLBACK_BEGAN, at[T.ROLLED_BACK]))
        elif T.PARKED in at:
            outcomes["failed"] += 1
        else:
            outcomes["open"] += 1
    decided = outcomes["committed"] + outcomes["rolled_back"] + outcomes["failed"]
    return {
        "sagas": sum(outcomes.values()),
        "by_outcome": dict(outcomes),
        "success_rate": outcomes["committed"] / decided if decided else None,
        "rollback_rate": outcomes["rolled_back"] / decided if decided else None,
        "generation_seconds": _percentiles(generations),
        "rollback_seconds": _percentiles(rollbacks),
        "step_failures": dict(failures),
    }


def _percentiles(values: list[float]) -> dict[str, float] | None:
    if not values:
        return None
    ordered = sorted(values)
    return {f"p{percent}": ordered[min(len(ordered) - 1, len(ordered) * percent // 100)] for percent in (50, 95, 99)}
