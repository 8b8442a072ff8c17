"""The saga log's SQLite file, read by our own SQL (docs/saga-log.md)."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from chaos.auditor.collectors.sqlite import snapshot_of, tables_of
from chaos.auditor.facts import LogEvent, LogRow, SagaLogFacts

_EVENTS = "SELECT * FROM events ORDER BY position"
_ROWS = "SELECT * FROM sagas"
CHAINED_SINCE = 2  # the schema version from which on events carry hashes


def read_log(path: Path) -> SagaLogFacts:
    """The whole log as it is now.

    Raises:
        FileNotFoundError, sqlite3.Error, ValueError: it cannot be read.
    """
    with snapshot_of(path) as database:
        hashed, headed = _has(database, "events", "hash"), _has(database, "sagas", "head")
        events = [_event(row, hashed) for row in database.execute(_EVENTS)]
        rows = {row["saga_id"]: _row(row, headed) for row in database.execute(_ROWS)}
        # By its version or by a column: whoever takes one of them away does not make it an old log.
        chained = hashed or headed or _version(database) >= CHAINED_SINCE
    return SagaLogFacts(events, rows, chained=chained)


def _has(database: sqlite3.Connection, table: str, column: str) -> bool:
    return any(found["name"] == column for found in database.execute(f"PRAGMA table_info({table})"))


def _version(database: sqlite3.Connection) -> int:
    if "meta" not in tables_of(database):
        return 0
    row = database.execute("SELECT schema_version FROM meta").fetchone()
    return int(row[0]) if row else 0


def _event(row: sqlite3.Row, hashed: bool) -> LogEvent:
    data, link = json.loads(row["data"]), row["hash"] if hashed else None
    return LogEvent(row["position"], row["saga_id"], row["seq"], row["type"], row["step"], data, row["at"], link)


def _row(row: sqlite3.Row, headed: bool) -> LogRow:
    return LogRow(
        row["saga_id"],
        row["saga_type"],
        row["project_id"],
        row["state"],
        bool(row["closed"]),
        row["last_seq"],
        row["head"] if headed else None,
    )


def read_again(path: Path, before: SagaLogFacts) -> SagaLogFacts:
    """The log as it is now, with the sagas marked that moved since ``before`` was read."""
    last = _last(before.events)
    if last == _last_position(path):
        return before
    now = read_log(path)
    return replace(now, moved=frozenset(event.saga_id for event in now.events if event.position > last))


def open_sagas(path: Path) -> int:
    """How many sagas somebody still has to work on, by their own rows: this only decides when to look."""
    with snapshot_of(path) as database:
        count = database.execute("SELECT count(*) FROM sagas WHERE closed = 0 AND state <> 'failed'").fetchone()[0]
    return int(count)


def _last(events: Iterable[LogEvent]) -> int:
    return max((event.position for event in events), default=0)


def _last_position(path: Path) -> int:
    with snapshot_of(path) as database:
        return int(database.execute("SELECT coalesce(max(position), 0) FROM events").fetchone()[0])
