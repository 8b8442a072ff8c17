"""Asking processes how they are."""

from __future__ import annotations

import http.client
import json
from enum import StrEnum
from pathlib import Path
from urllib.parse import urlsplit

from chaos.running_system import is_worker
from testbed import processes
from testbed.layout import FAULT_PROXY
from testbed.processes import ProcessRecord

PATIENCE = 6.0  # seconds; a service asks its own dependencies before it answers
_WORKER_IS_READY = b" is ready"
_START_OF_LOG = 64 * 1024  # bytes of a worker's log in which it says that it is ready


class State(StrEnum):
    """How a process is."""

    READY = "ready"
    """It answers, and so does everything it needs."""
    ALIVE = "alive"
    """It runs, and is not ready: starting, or something it needs is away."""
    STOPPED = "stopped"
    """It is halted (SIGSTOP) and answers nobody until `testbed kill NAME --signal CONT`."""
    DEAD = "dead"
    """There is no such process any more."""


def state_of(record: ProcessRecord, log: Path, links: frozenset[str] = frozenset()) -> State:
    """How a process is now.

    Args:
        links: what the fault proxy has to serve.
    """
    if not processes.lives(record):
        return State.DEAD
    if processes.is_stopped(record):
        return State.STOPPED
    return State.READY if _is_ready(record, log, links) else State.ALIVE


def answers(record: ProcessRecord, log: Path) -> bool:
    """Whether the process itself is up, whatever its dependencies do."""
    if record.spec.port is None:
        return _says_ready(record, log)
    return _get(record.spec.port, "/version" if record.name == FAULT_PROXY else "/healthz") is not None


def state_of_url(url: str) -> State:
    """How a server is that this system did not start: whether it answers at all."""
    parts = urlsplit(url)
    answer = _get(parts.port or 80, parts.path or "/", parts.hostname or "")
    return State.DEAD if answer is None else State.READY


def _is_ready(record: ProcessRecord, log: Path, links: frozenset[str]) -> bool:
    if is_worker(record.name):
        return _says_ready(record, log)
    answer = _get(record.spec.port or 0, "/proxies" if record.name == FAULT_PROXY else "/readyz")
    if answer is None or answer[0] != 200:
        return False
    return record.name != FAULT_PROXY or links <= set(json.loads(answer[1]))


def _says_ready(record: ProcessRecord, log: Path) -> bool:
    """A worker listens nowhere; it says in its log when it begins to claim sagas."""
    with log.open("rb") as file:
        file.seek(record.log_offset)
        return _WORKER_IS_READY in file.read(_START_OF_LOG)


def _get(port: int, path: str, host: str = "127.0.0.1") -> tuple[int, bytes] | None:
    """Status and body, or None when nobody answers."""
    connection = http.client.HTTPConnection(host, port, timeout=PATIENCE)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read()
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()
