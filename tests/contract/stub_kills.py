"""Writers at work while a server is killed: what they were answered must be there afterwards."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import requests

from tests.contract.stub_process import StubProcess

WRITERS = 4
KILLS = 3
WRITES_BEFORE_A_KILL = 40


def written_while_killed(
    process: StubProcess, write: Callable[[int], bool], check: Callable[[set[int]], object]
) -> None:
    """Kill the server several times in the middle of writes, start it again each time, and ``check`` all acknowledged.

    Args:
        write: writes this number; whether that was acknowledged.
        check: is given every number that was acknowledged, after each start.
    """
    acknowledged: set[int] = set()
    numbers = itertools.count()
    for kill in range(1, KILLS + 1):
        enough, killed = threading.Event(), threading.Event()

        def work(enough: threading.Event, killed: threading.Event, goal: int) -> None:
            while not killed.is_set():
                number = next(numbers)
                with suppress(requests.RequestException):  # the kill cuts connections, and answers in their middle
                    if write(number):
                        acknowledged.add(number)
                if len(acknowledged) >= goal:
                    enough.set()

        with ThreadPoolExecutor(WRITERS) as pool:
            goal = len(acknowledged) + WRITES_BEFORE_A_KILL
            writers = [pool.submit(work, enough, killed, goal) for _ in range(WRITERS)]
            try:
                assert enough.wait(30)
            finally:
                killed.set()
                process.kill()
                process.start()  # writers whose request was queued are answered by the new one
            for writer in writers:
                writer.result()
        check(acknowledged)
        assert len(acknowledged) >= kill * WRITES_BEFORE_A_KILL
