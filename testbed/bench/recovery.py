"""The log when it is large, a worker that has run long, and a thousand sagas that somebody left unfinished."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import psutil
from pydantic import SecretStr

from backend.adapters import SystemClock
from backend.composition import open_worker
from backend.saga.definition import SagaDefinition, SagaStep
from backend.saga.events import Event, EventType
from backend.saga.ports import NewSaga, SagaLog, SagaRecord
from backend.saga_log import open_saga_log
from backend.settings import Settings
from backend.worker import Worker
from chaos.running_system import RunningSystem, read_secrets

UNFINISHED = 1000
MANY_EVENTS = 1_000_000
EVENTS_PER_SAGA = 20
LONG = 10_000
LEASE = 5.0


class NothingToDo:
    """Sagas of one step without effect: what is measured is the worker itself."""

    saga_type = "empty"

    def prepare(self, record: SagaRecord, note: Any) -> SagaDefinition:
        return self.recover(record)

    def recover(self, record: SagaRecord) -> SagaDefinition:
        return SagaDefinition((SagaStep("Nothing", action=lambda: None, compensation=lambda: None),))

    def deadline(self, record: SagaRecord) -> float:
        return record.created_at + 3600


def recover(system: RunningSystem, folder: Path) -> dict[str, Any]:
    """Seconds from a worker's start until the last of a thousand unfinished wiki sagas is rolled back."""
    url = f"sqlite:///{folder}/recovery.sqlite3"
    log = open_saga_log(url)
    for number in range(UNFINISHED):
        leave_unfinished(log, f"wiki-p{number}-left", f"p{number}")
    secrets = read_secrets(system.state)
    settings = Settings(
        internal_token_keys=SecretStr(secrets["INTERNAL_TOKEN_KEYS"]),
        user_token_keys=SecretStr(secrets["USER_TOKEN_KEYS"]),
        saga_log_url=url,
        filesystem_url=system.url("filesystem_server"),
        git_url=system.url("git_server"),
        chroma_url=system.url("chroma_stub"),
        neo4j_url=system.url("neo4j_stub"),
        worker_threads=8,
    )
    worker, own_log = open_worker(settings, SystemClock())
    log.close()
    seconds = _serve_until(worker, lambda: _open(url) == 0)
    own_log.close()
    return _figure(f"{UNFINISHED} unfinished sagas recovered", seconds, "s", "< 10 s", seconds < 10)


def listing(folder: Path) -> dict[str, Any]:
    """Milliseconds for a status and a page of the list, the slower of the two, with a million events in the log."""
    path = folder / "large.sqlite3"
    log = open_saga_log(f"sqlite:///{path}")
    log.create(NewSaga("s-000000", "wiki", "p", "u", {}), Event(EventType.REQUESTED, 0.0))
    _fill(path)
    slowest = 0.0
    for number in range(20):
        began = time.perf_counter()
        log.events(f"s-{number * 2000:06}")
        log.get(f"s-{number * 2000:06}")
        middle = time.perf_counter()
        log.find(project_id=f"p{number}", limit=50)
        log.find(limit=50)
        slowest = max(slowest, middle - began, time.perf_counter() - middle)
    log.close()
    milliseconds = slowest * 1e3
    return _figure("status and list, a million events", milliseconds, "ms", "< 20 ms", milliseconds < 20)


def memory(folder: Path) -> dict[str, Any]:
    """How much a worker process grows between its 1,000th and its 10,000th saga."""
    command = [sys.executable, "-m", "testbed.bench.recovery", str(folder / "memory.sqlite3")]
    grown = float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return _figure(f"worker's growth over {LONG:,} sagas", grown, "MiB", "< 8 MiB", grown < 8)


def leave_unfinished(log: SagaLog, saga_id: str, project: str) -> None:
    """A saga as a killed worker leaves it: begun, its first step started, its lease over."""
    log.create(NewSaga(saga_id, "wiki", project, "bench", {}), Event(EventType.REQUESTED, time.time()), forced=False)
    record = log.claim(saga_id, "dead", 0.0, time.time())
    names = ("Save relationships", "Save wiki files", "Create git snapshot")
    begun = Event(EventType.BEGUN, time.time(), None, {"steps": [{"name": name} for name in names]})
    log.append(saga_id, record.fence, record.last_seq, [begun, Event(EventType.STEP_STARTED, time.time(), names[0])])


def _serve_until(worker: Worker, done: Any) -> float:
    stop = threading.Event()
    thread = threading.Thread(target=worker.serve, args=(stop,))
    began = time.perf_counter()
    thread.start()
    while not done():
        time.sleep(0.05)
    seconds = time.perf_counter() - began
    stop.set()
    thread.join()
    return seconds


def _fill(path: Path) -> None:
    """Copy one saga until the log holds a million events; written past the engine, because it is only about reading."""
    with sqlite3.connect(path) as database:
        own = {"saga_id": "printf('s-%06d', n.value)", "project_id": "'p' || (n.value % 500)", "closed": "1"}
        own["created_at"] = "created_at + n.value"
        _copy(database, "sagas", "number", own, "sagas WHERE saga_id = 's-000000'", MANY_EVENTS // EVENTS_PER_SAGA - 1)
        own = {"saga_id": "s.saga_id", "seq": "n.value + 1", "data": "e.data", "type": "e.type", "at": "e.at"}
        source = "sagas s, events e WHERE e.saga_id = 's-000000' AND e.seq = 1"
        _copy(database, "events", "position", own, source, EVENTS_PER_SAGA)
    database.close()


def _copy(database: sqlite3.Connection, table: str, key: str, own: dict[str, str], source: str, count: int) -> None:
    """Insert ``count`` copies of each row of ``source``; ``own`` says which columns differ, ``n.value`` counts."""
    alias = "e." if table == "events" else ""
    columns = [row[1] for row in database.execute(f"PRAGMA table_info({table})") if row[1] != key]
    picked = ", ".join(own.get(column, alias + column) for column in columns)
    numbers = f"WITH RECURSIVE n(value) AS (SELECT 1 UNION ALL SELECT value + 1 FROM n WHERE value < {count})"
    database.execute(f"{numbers} INSERT INTO {table} ({', '.join(columns)}) SELECT {picked} FROM n, {source}")


def _run_long(url: str) -> float:
    """MiB that this process grew between its 1,000th and its last saga."""
    log = open_saga_log(url)
    for number in range(LONG):
        saga = NewSaga(f"e-{number}", NothingToDo.saga_type, f"p{number}", "u", {})
        log.create(saga, Event(EventType.REQUESTED, time.time()), forced=False)
    worker = Worker(log, NothingToDo(), SystemClock(), threads=16, lease=LEASE)
    process, sizes = psutil.Process(), []
    for left in (LONG - 1000, 0):
        _serve_until(worker, lambda left=left: _open(url) <= left)
        sizes.append(process.memory_info().rss)
    log.close()
    return (sizes[1] - sizes[0]) / 2**20


def _open(url: str) -> int:
    with sqlite3.connect(url.removeprefix("sqlite:///")) as database:
        (count,) = database.execute("SELECT COUNT(*) FROM sagas WHERE closed = 0").fetchone()
    database.close()
    return int(count)


def _figure(name: str, value: float, unit: str, target: str, met: bool) -> dict[str, Any]:
    return {"name": name, "value": value, "unit": unit, "target": target, "met": met}


if __name__ == "__main__":
    os.environ.setdefault("LOG_FORMAT", "plain")
    print(_run_long(f"sqlite:///{sys.argv[1]}"))
