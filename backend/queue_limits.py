"""Back-pressure: how many generations may wait, and when whoever was turned away should come back. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median

from backend.saga.events import Event, EventType

UNKNOWN = 2.0  # seconds to come back after while no generation has told how long one takes
LONGEST = 60.0  # seconds; who waits longer does not know when the queue moved on


@dataclass(frozen=True)
class QueueLimits:
    """The most generations that may be pending, per project and in all; None is without limit."""

    per_project: int | None = None
    in_all: int | None = None


WITHOUT_LIMIT = QueueLimits()


def seconds_until_a_place_is_free(recent: Iterable[Sequence[Event]]) -> float:
    """A place is free when the next generation leaves the queue: after about as long as one takes.

    Args:
        recent: the histories of generations that were committed lately.

    Returns:
        Whole seconds, from 1 to LONGEST: the median of their times from the first claim to the commit record.
    """
    taken = [seconds for history in recent if (seconds := _seconds_of(history)) is not None]
    return min(LONGEST, max(1.0, math.ceil(median(taken)))) if taken else UNKNOWN


def _seconds_of(history: Sequence[Event]) -> float | None:
    claimed = next((event.at for event in history if event.type is EventType.CLAIMED), None)
    committed = next((event.at for event in history if event.type is EventType.COMMITTED), None)
    return None if claimed is None or committed is None else committed - claimed
