"""The durable event log of all sagas: SQLite, PostgreSQL, and one in memory that passes the same contract tests."""

from __future__ import annotations

from backend.saga.ports import SagaLog
from backend.saga_log.memory import MemorySagaLog
from backend.saga_log.sql import SqlSagaLog

DEFAULT_URL = "sqlite:///saga-log.sqlite3"


def open_saga_log(url: str) -> SagaLog:
    """Open the log that ``url`` names: ``sqlite:///path``, ``postgresql://user@host/database`` or ``memory:``.

    Raises:
        ValueError: another scheme.
        SQLAlchemyError: the database cannot be reached.
    """
    if url == "memory:":
        return MemorySagaLog()
    return SqlSagaLog(url)


__all__ = ["DEFAULT_URL", "MemorySagaLog", "SqlSagaLog", "open_saga_log"]
