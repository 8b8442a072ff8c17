"""What all load shapes share: users as a function of how much of the run time is over."""

from __future__ import annotations

import time
from typing import Any

from locust import LoadTestShape


class TimedShape(LoadTestShape):
    """``--users`` is the most there are, ``--run-time`` the whole; a shape says what is in between."""

    abstract = True
    use_common_options = True

    def users_at(self, part: float, most: int) -> float:
        """How many users when ``part`` (0 to 1) of the time is over."""
        raise NotImplementedError

    def tick(self) -> tuple[int, float] | None:
        """Locust asks this every second; None ends the test."""
        options: Any = self.runner.environment.parsed_options if self.runner else None
        part = (time.perf_counter() - self.start_time) / options.run_time
        if part >= 1:
            return None
        return max(1, int(self.users_at(part, options.num_users))), float(options.num_users)
