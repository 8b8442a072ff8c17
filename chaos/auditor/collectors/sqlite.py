"""SQLite files of others, read without ever writing to them."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

BUSY_SECONDS = 10.0


@contextmanager
def snapshot_of(path: Path) -> Iterator[sqlite3.Connection]:
    """One consistent view of the file as it is now, while others may go on writing (WAL).

    Raises:
        FileNotFoundError: there is no such file.
        sqlite3.Error: it is no database, or cannot be read.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path.name} is not there")
    uri = f"{path.absolute().as_uri()}?mode=ro"
    with closing(sqlite3.connect(uri, uri=True, timeout=BUSY_SECONDS, isolation_level=None)) as database:
        database.row_factory = sqlite3.Row
        database.execute("BEGIN")
        yield database


def tables_of(database: sqlite3.Connection) -> frozenset[str]:
    """The names of its tables."""
    return frozenset(row[0] for row in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'"))
