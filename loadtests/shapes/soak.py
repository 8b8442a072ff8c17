"""All of ``--users`` after a slow start over the first tenth of the time, then steadily."""

from __future__ import annotations

from loadtests.timed_shape import TimedShape


class Soak(TimedShape):
    """Does anything pile up?"""

    def users_at(self, part: float, most: int) -> float:
        return most * min(1.0, part * 10)
