"""Waiting until every saga came to its end: an audit of a system at work can only say that it is at work."""

from __future__ import annotations

import time
from collections.abc import Callable

from chaos.auditor.collectors.log_database import LogAddress
from chaos.auditor.collectors.saga_log import open_sagas

POLL = 0.1  # seconds between two looks at the log


def wait_until_quiet(saga_log: LogAddress, timeout: float, on_progress: Callable[[str], None] | None = None) -> bool:
    """Wait until no saga of the log is open (a dead letter is not), for ``timeout`` seconds at the most.

    Raises:
        FileNotFoundError, sqlite3.Error, CannotSee: the log cannot be read.
    """
    deadline = time.monotonic() + timeout
    told = -1
    while (left := open_sagas(saga_log)) > 0:
        if on_progress is not None and left != told:
            on_progress(f"waiting for {left} open sagas")
            told = left
        if time.monotonic() >= deadline:
            return False
        time.sleep(POLL)
    return True
