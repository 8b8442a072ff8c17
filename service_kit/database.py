"""A participant's own SQLite file: one durable transaction at a time, errors as problems.

WAL with ``synchronous=FULL``: a commit is one append and one sync, and what is committed survives a power cut.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from service_kit.problems import Problem, StorageFull, Unavailable

BUSY_SECONDS = 10.0
_KEEP_WAL_BYTES = 16 * 1024 * 1024


def connect(path: Path) -> sqlite3.Connection:
    """Open (or make) the database at ``path``. Threads may share the connection, one transaction at a time.

    Raises:
        Problem: the file cannot be opened (507 disk full, 503 otherwise).
    """
    try:
        database = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = FULL")
        database.execute(f"PRAGMA journal_size_limit = {_KEEP_WAL_BYTES}")
    except sqlite3.Error as error:
        raise problem_of(error) from error
    return database


@contextmanager
def transaction(database: sqlite3.Connection, *, forced: bool = True) -> Iterator[None]:
    """One transaction that is the only writer from its start: durable when the block ends, undone when it raises.

    Args:
        forced: False for what may be lost in a power cut (not in a kill) until the next forced commit.

    Raises:
        Problem: disk full, read-only, I/O error or another writer that does not end (nothing was changed).
    """
    try:
        database.execute("PRAGMA synchronous = FULL" if forced else "PRAGMA synchronous = NORMAL")
        database.execute("BEGIN IMMEDIATE")
        yield
        database.execute("COMMIT")
    except BaseException as error:
        if database.in_transaction:
            database.execute("ROLLBACK")
        if isinstance(error, sqlite3.OperationalError):
            raise problem_of(error) from error
        raise


@contextmanager
def snapshot(database: sqlite3.Connection) -> Iterator[None]:
    """All reads of the block see one state; writers are not held up."""
    database.execute("BEGIN")
    try:
        yield
    finally:
        database.execute("COMMIT")


def problem_of(error: sqlite3.Error) -> Problem:
    """The problem that a SQLite error means to a caller; a defect of ours is raised again."""
    if (problem := trouble(error)) is None:
        raise error
    return problem


def trouble(error: sqlite3.Error) -> Problem | None:
    """The problem that a full, busy or broken disk means to a caller, or None when the error is our own defect."""
    primary = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if primary == sqlite3.SQLITE_FULL:
        return StorageFull("the disk is full")
    if primary in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return Unavailable("another writer is busy", retry_after=1)
    if primary in (sqlite3.SQLITE_IOERR, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_NOMEM):
        return Unavailable("the disk cannot be read or written")
    return None
