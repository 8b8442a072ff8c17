"""The core's ports on a real machine: clock, threads, random numbers, log lines."""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from backend.saga.events import Event
from backend.saga.history import History
from backend.saga.narrate import narrate

log = logging.getLogger("saga")


class SystemClock:
    """Wall-clock seconds, because leases and retry times are shared between processes."""

    def now(self) -> float:
        return time.time()

    def sleep_until(self, at: float) -> None:
        time.sleep(max(0.0, at - self.now()))


draw = random.SystemRandom().random


def run_together(calls: Sequence[Callable[[], Any]]) -> list[Any]:
    """Run the calls in threads of their own and return their results in order."""
    with ThreadPoolExecutor(max_workers=len(calls), thread_name_prefix="saga-step") as pool:
        return [future.result() for future in [pool.submit(call) for call in calls]]


def log_event(saga_id: str, event: Event, history: History) -> None:
    """Write the promised log line for ``event``; with LOG_FORMAT=json the line carries the event's fields."""
    step = history.step(event.step) if event.step else None
    for line in narrate(event, history):
        fields = {"saga_id": saga_id, "step": event.step, "attempt": step.attempts if step else None}
        log.log(logging.WARNING if line.warning else logging.INFO, "[%s] %s", saga_id, line.text, extra=fields)
