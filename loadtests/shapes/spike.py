"""A fifth of ``--users``, all of them in the middle third of the time, a fifth again."""

from __future__ import annotations

from loadtests.timed_shape import TimedShape


class Spike(TimedShape):
    """Does it come back to normal afterwards?"""

    def users_at(self, part: float, most: int) -> float:
        return most if 1 / 3 <= part < 2 / 3 else most / 5
