"""When to try again. Policies return decisions and never sleep (R3)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class RetryPolicy:
    """Exponential backoff with full jitter and a cap (Brooker, "Exponential Backoff and Jitter", AWS 2015).

    With ``base=0.1`` and ``cap=2`` the longest waits before attempts 2, 3, 4, ... are 0.1, 0.2, 0.4, 0.8, 1.6, 2, 2
    seconds; the wait taken is drawn uniformly between zero and that.

    Attributes:
        attempts: how often a call is made at the most; None is without limit.
        base, cap: seconds.
        time_limit: seconds from the first attempt after which no further one begins; None is without limit.
    """

    attempts: int | None = 4
    base: float = 0.1
    cap: float = 2.0
    time_limit: float | None = 30.0

    def next_attempt_at(
        self,
        attempt: int,
        *,
        now: float,
        first_at: float,
        draw: float,
        deadline: float | None = None,
        retry_after: float | None = None,
    ) -> float | None:
        """When the attempt after ``attempt`` (counted from 1) may begin, in the clock's seconds, or None: give up.

        Args:
            now: when attempt number ``attempt`` ended.
            first_at: when the first attempt began.
            draw: a number in [0, 1) that picks the point in the jitter's range.
            deadline: the saga's, if it has one; an attempt that would begin after it is not made.
            retry_after: seconds that the participant asked for; never undercut.
        """
        if self.attempts is not None and attempt >= self.attempts:
            return None
        wait = draw * min(self.cap, self.base * 2.0 ** min(attempt - 1, 60))
        at = now + max(wait, retry_after or 0.0)
        if self.time_limit is not None and at > first_at + self.time_limit:
            return None
        if deadline is not None and at > deadline:
            return None
        return at


FORWARD = RetryPolicy()
"""For actions: give up after a few seconds, because a rollback is waiting."""
BACKWARD = RetryPolicy(attempts=13, base=0.1, cap=5.0, time_limit=60.0)
"""For compensations: a participant may be away for some 15 s before the saga is parked (R10)."""
ONWARD = RetryPolicy(attempts=None, base=0.1, cap=30.0, time_limit=None)
"""For confirms and retriable steps: until they succeed (R8)."""
