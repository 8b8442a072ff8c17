"""The durable event log of all sagas: SQLite, PostgreSQL, and one in memory that passes the same contract tests."""

from __future__ import annotations

import sqlite3

from sqlalchemy.engine import make_url
from sqlalchemy.exc import DatabaseError

from backend.saga.ports import SagaLog
from backend.saga_log.dialect import dialect_of
from backend.saga_log.memory import MemorySagaLog
from backend.saga_log.sql import SqlSagaLog

DEFAULT_URL = "sqlite:///saga-log.sqlite3"
MEMORY = "memory:"


def check_url(url: str) -> None:
    """Raises ValueError, which says what is expected and shows no password: ``url`` names no saga log."""
    if url != MEMORY:
        dialect_of(url)


def open_saga_log(url: str) -> SagaLog:
    """Open the log that ``url`` names: ``sqlite:///path``, ``postgresql://user@host/database`` or ``memory:``.

    An empty one is the default, as an empty variable is.

    Raises:
        ValueError: it is none of these.
        OSError: the SQLite file cannot be made or written, or is none.
        SQLAlchemyError: the server cannot be reached.
    """
    url = url or DEFAULT_URL
    if url == MEMORY:
        return MemorySagaLog()
    try:
        return SqlSagaLog(url)
    except (OSError, DatabaseError) as error:
        reason = error.orig if isinstance(error, DatabaseError) else error.strerror
        if isinstance(error, DatabaseError) and not isinstance(reason, sqlite3.Error):
            raise
        raise OSError(f"the saga log {make_url(url).database} cannot be used: {reason}") from None


__all__ = ["DEFAULT_URL", "MemorySagaLog", "SqlSagaLog", "check_url", "open_saga_log"]
