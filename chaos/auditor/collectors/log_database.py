"""The database of a saga log, SQLite or PostgreSQL, read without ever writing to it.

Our own SQL, in words that both understand; on PostgreSQL a connection of our own, through psycopg.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from chaos.auditor.collectors.sqlite import snapshot_of
from chaos.auditor.facts import CannotSee

LogAddress = Path | str
"""A SQLite file, or the URL of a PostgreSQL database, with the password in it if one is needed."""
CONNECT_SECONDS = 10
PAGE = 2000  # rows that are fetched at a time
_DRIVER = re.compile(r"^postgres(ql)?(\+\w+)?://")


class LogDatabase(Protocol):
    """One consistent view of a log.

    Attributes:
        gapless: whether positions are given out without gaps, so that one proves that events were removed.
    """

    @property
    def gapless(self) -> bool: ...

    def rows(self, query: str) -> Iterator[Mapping[str, Any]]:
        """The rows of ``query``, by column."""

    def columns(self, table: str) -> frozenset[str]:
        """The names of its columns; none when there is no such table."""


def open_log(where: LogAddress) -> AbstractContextManager[LogDatabase]:
    """The log as it is now, while others may go on writing to it.

    Raises:
        FileNotFoundError, sqlite3.Error: of a SQLite file.
        CannotSee: a PostgreSQL database cannot be reached or read.
    """
    return _sqlite(where) if isinstance(where, Path) else _postgres(where)


@contextmanager
def _sqlite(path: Path) -> Iterator[LogDatabase]:
    with snapshot_of(path) as database:
        yield _Sqlite(database)


@contextmanager
def _postgres(url: str) -> Iterator[LogDatabase]:
    try:
        import psycopg
        from psycopg.rows import dict_row
    except ImportError:
        raise CannotSee("to read a PostgreSQL log: pip install 'saga-testbed[postgres]'") from None
    try:
        with psycopg.connect(libpq_url(url), row_factory=dict_row, connect_timeout=CONNECT_SECONDS) as connection:
            # One snapshot, taken by the first query, for the whole of the look; the server sees to "read only".
            connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            connection.read_only = True
            yield _Postgres(connection)
    except psycopg.Error as error:
        raise CannotSee(f"PostgreSQL: {str(error).strip() or type(error).__name__}") from None


def libpq_url(url: str) -> str:
    """The URL as PostgreSQL's own programs write it: without the name of a driver."""
    return _DRIVER.sub("postgresql://", url)


@dataclass(frozen=True)
class _Sqlite:
    database: Any
    gapless: bool = True

    def rows(self, query: str) -> Iterator[Mapping[str, Any]]:
        found: Iterator[Mapping[str, Any]] = self.database.execute(query)
        return found

    def columns(self, table: str) -> frozenset[str]:
        found = self.database.execute("SELECT name FROM pragma_table_info(?)", (table,))
        return frozenset(row["name"] for row in found)


@dataclass(frozen=True)
class _Postgres:
    """A sequence numbers the events: a transaction that failed and a server that crashed leave gaps."""

    connection: Any
    gapless: bool = False

    def rows(self, query: str) -> Iterator[Mapping[str, Any]]:
        with self.connection.cursor(name="auditor") as cursor:
            cursor.itersize = PAGE
            yield from cursor.execute(query)

    def columns(self, table: str) -> frozenset[str]:
        query = (
            "SELECT column_name FROM information_schema.columns"
            " WHERE table_name = %s AND table_schema = ANY (current_schemas(false))"
        )
        return frozenset(row["column_name"] for row in self.connection.execute(query, (table,)))
