"""Requests that arrive at the same instant: each is on the wire but for its last byte, then all are released."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from chaos.conform.wire import Answer, Connection, Request


def release(requests: Sequence[Request], delays: Sequence[float], timeout: float) -> list[Answer]:
    """Send them all.

    Args:
        delays: seconds that each is held back after the common start.
        timeout: seconds of silence after which an answer is given up.
    """
    gate = threading.Barrier(len(requests))
    with ThreadPoolExecutor(len(requests), "conform") as pool:
        jobs = [pool.submit(_released, gate, *pair, timeout) for pair in zip(requests, delays, strict=True)]
        return [job.result() for job in jobs]


def _released(gate: threading.Barrier, request: Request, delay: float, timeout: float) -> Answer:
    try:
        with Connection(request, timeout) as connection:
            connection.send(-1)
            gate.wait(timeout)
            time.sleep(delay)
            return connection.finish()
    except OSError as error:
        gate.abort()
        return Answer(None, lost=type(error).__name__)
    except threading.BrokenBarrierError:
        return Answer(None, lost="another request of this round could not be sent")
