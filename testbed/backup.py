"""A copy of a local system at one moment from which it can go on: a consistent cut of participants and saga log.

    workers    ──work──┤ drained                             ├──work──
    participants       │   ├─ halted: files, git, graph, documents ─┤
    saga log           │ p │                                   copy │ no worker's event between p and the copy

Participants first, log last. The log names every intent before its effect (R1), so whatever the participants have is in
a log that is not older; recovery undoes or completes what was open (R9). A log that is *older* knows nothing of what
came after it: orphans. A log that is *newer by a decision* (committed, rolled back, finished) promises what the copied
participants do not have. Hence no worker may write between the two: they are drained, and the log is asked whether it
is so.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path

from chaos.auditor.collectors.log_database import LogAddress, open_log
from chaos.auditor.collectors.saga_log import last_position, unclosed_sagas
from chaos.auditor.facts import CannotSee
from chaos.compose_project import COMPOSE_FILE
from chaos.running_system import NoSystem, RunningSystem, is_worker, saga_log_of
from testbed import postgres, processes, records, supervisor
from testbed.backup_manifest import Manifest, size_of
from testbed.errors import CannotStart, Failure

PARTICIPANTS = ("filesystem_server", "git_server", "neo4j_stub", "chroma_stub")
DATA, SQLITE_LOG, POSTGRES_LOG = "data", "saga-log.sqlite3", "saga-log.dump"
FROM_CLIENTS = frozenset({"saga.requested", "saga.cancel_requested", "saga.retry_requested", "undo.skipped"})
"""Events that the backend writes, without any effect at a participant. All others are a worker's."""
Tell = Callable[[str], None]


@dataclass(frozen=True)
class Backup:
    """What was made.

    Attributes:
        pause: seconds in which no worker worked; 0 when none ran.
    """

    manifest: Manifest
    pause: float


def back_up(state: Path, target: Path, tell: Tell = lambda line: None) -> Backup:
    """Copy the system of ``state``, running or stopped, into the new folder ``target``, which only its owner can read.

    Raises:
        CannotStart: it cannot be done; nothing was touched.
        Failure: another worker wrote meanwhile, or a disk or database failed; ``target`` is gone, the workers work.
    """
    _check(state, target)
    target.mkdir(parents=True, mode=0o700)
    try:
        with _drained(state, tell) as pause:
            position, open_sagas = last_position(saga_log_of(state)), unclosed_sagas(saga_log_of(state))
            tell("copying the participants")
            _copy_participants(state, target)
            tell("copying the saga log")
            copy_log(saga_log_of(state), target)
            _refuse_worker_events(saga_log_of(state), position)
        return Backup(_finish(state, target, position, open_sagas), pause.seconds)
    except BaseException as error:
        shutil.rmtree(target, ignore_errors=True)
        if isinstance(error, OSError | sqlite3.Error | CannotSee):
            raise Failure(f"the backup failed, and nothing of it is left: {error}") from None
        raise


def _check(state: Path, target: Path) -> None:
    if (state / COMPOSE_FILE).exists():
        raise CannotStart(["the system runs in docker compose, whose volumes this does not copy: see docs/deploy.md"])
    obstacles = []
    if target.exists():
        obstacles.append(f"{target} is there already: name a new folder")
    log = saga_log_of(state)
    if isinstance(log, Path) and not log.exists():
        obstacles.append(f"there is no saga log in {state}: no system was ever started there")
    try:
        if RunningSystem.load(state).is_external("neo4j_stub"):
            obstacles.append("the graph is in a real Neo4j, which this does not copy: see docs/commands.md")
    except NoSystem:
        pass
    if obstacles:
        raise CannotStart(obstacles)


@dataclass
class _Pause:
    seconds: float = 0.0


@contextmanager
def _drained(state: Path, tell: Tell) -> Iterator[_Pause]:
    """While the block runs, no worker of this system works: they finished their sagas or handed them over."""
    known = records.read(state)
    working = [record for name, record in known.items() if is_worker(name) and processes.lives(record)]
    pause, began = _Pause(), time.monotonic()
    try:
        if working:
            tell("letting the workers finish what they have in hand")
            processes.stop(working)
        yield pause
    finally:
        if working:
            with ThreadPoolExecutor(len(working)) as pool:
                list(pool.map(lambda record: supervisor.start(state, record.name), working))
        pause.seconds = time.monotonic() - began if working else 0.0


def _copy_participants(state: Path, target: Path) -> None:
    """They are halted all at once: the copy is what a power cut would have left, from which each of them starts."""
    known = records.read(state)
    with processes.halted([known[name] for name in PARTICIPANTS if name in known]):
        copy_participants(state, target)


def copy_participants(state: Path, target: Path) -> None:
    """Their data folders as they are; SQLite makes the shared-memory files anew."""
    for name in PARTICIPANTS:
        source = state / "data" / name
        if source.is_dir():
            shutil.copytree(source, target / DATA / name, symlinks=True, ignore=shutil.ignore_patterns("*-shm"))


def copy_log(log: LogAddress, target: Path) -> None:
    """The log of one moment, while the backend may go on writing to it."""
    if isinstance(log, str):
        postgres.dump(log, target / POSTGRES_LOG)
        return
    with (
        closing(sqlite3.connect(f"{log.absolute().as_uri()}?mode=ro", uri=True)) as source,
        closing(sqlite3.connect(target / SQLITE_LOG)) as copy,
    ):
        source.backup(copy)


def _refuse_worker_events(log: LogAddress, position: int) -> None:
    """Raises Failure when a worker wrote after ``position``: one of another machine, say, that shares the database."""
    with open_log(log) as database:
        newest_first = database.rows("SELECT position, saga_id, type FROM events ORDER BY position DESC")
        late = list(takewhile(lambda row: row["position"] > position, newest_first))
    for row in late:
        if row["type"] not in FROM_CLIENTS:
            raise Failure(
                f"a worker that this command does not know wrote {row['type']} of {row['saga_id']} meanwhile, so the"
                " copy is not of one moment: stop the other workers of this log, too, and try again"
            )


def _finish(state: Path, target: Path, position: int, open_sagas: int) -> Manifest:
    """The manifest comes last, on a disk that has all the rest: where there is one, the backup is whole."""
    log = saga_log_of(state)
    files, size = size_of(target)
    manifest = Manifest(
        log=POSTGRES_LOG if isinstance(log, str) else SQLITE_LOG,
        made_at=time.time(),
        position=position,
        open_sagas=open_sagas,
        files=files,
        bytes=size,
    )
    os.sync()
    manifest.write(target)
    return manifest
