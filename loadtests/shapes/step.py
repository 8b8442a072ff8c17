"""Users in steps: a quarter, half, three quarters, all of ``--users``, each for a quarter of the time."""

from __future__ import annotations

from loadtests.timed_shape import TimedShape

STEPS = 4


class Step(TimedShape):
    """Where does it begin to hurt?"""

    def users_at(self, part: float, most: int) -> float:
        return most * (int(part * STEPS) + 1) / STEPS
