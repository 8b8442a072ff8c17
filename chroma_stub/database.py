"""The SQLite file: WAL, and a commit returns when it is on the disk (``synchronous=FULL``)."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

BUSY_SECONDS = 10.0
DEFAULT_TENANT = "default_tenant"
DEFAULT_DATABASE = "default_database"
_NIL = "00000000-0000-0000-0000-000000000000"
_SCHEMA = """
CREATE TABLE IF NOT EXISTS tenants (name TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS databases (
    id TEXT PRIMARY KEY, tenant TEXT NOT NULL, name TEXT NOT NULL, UNIQUE (tenant, name));
CREATE TABLE IF NOT EXISTS collections (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, database_id TEXT NOT NULL, name TEXT NOT NULL,
    metadata TEXT, configuration TEXT NOT NULL, space TEXT NOT NULL, dimension INTEGER, UNIQUE (database_id, name));
CREATE TABLE IF NOT EXISTS records (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, collection_id TEXT NOT NULL, id TEXT NOT NULL, embedding BLOB NOT NULL,
    document TEXT, uri TEXT, metadata TEXT, UNIQUE (collection_id, id));
"""


class Database:
    """One connection a thread; one write transaction at a time."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        self._local = threading.local()
        self._lock = threading.Lock()
        self._writer = threading.Lock()  # SQLite's own waiting polls
        self._all: list[sqlite3.Connection] = []
        self.connection().executescript(_SCHEMA)
        with self.writing() as sql:
            sql.execute("INSERT OR IGNORE INTO tenants VALUES (?)", [DEFAULT_TENANT])
            sql.execute("INSERT OR IGNORE INTO databases VALUES (?, ?, ?)", [_NIL, DEFAULT_TENANT, DEFAULT_DATABASE])

    def connection(self) -> sqlite3.Connection:
        """This thread's connection, in autocommit."""
        found: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if found is None:
            found = sqlite3.connect(
                self._path,
                timeout=BUSY_SECONDS,
                isolation_level=None,
                check_same_thread=False,  # closed by another
            )
            found.row_factory = sqlite3.Row
            found.execute("PRAGMA journal_mode = WAL")
            found.execute("PRAGMA synchronous = FULL")
            self._local.connection = found
            with self._lock:
                self._all.append(found)
        return found

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """A transaction that is on the disk when the block ends, or not there at all when it raises."""
        connection = self.connection()
        with self._writer:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise

    def close(self) -> None:
        """Close every thread's connection."""
        with self._lock:
            while self._all:
                self._all.pop().close()
        self._local = threading.local()
