"""The saga log's SQLite file, read by our own SQL (docs/saga-log.md)."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from chaos.auditor.collectors.sqlite import snapshot_of
from chaos.auditor.facts import LogEvent, LogRow, SagaLogFacts

_EVENTS = "SELECT position, saga_id, seq, type, step, data FROM events ORDER BY position"
_ROWS = "SELECT saga_id, saga_type, project_id, state, closed, last_seq FROM sagas"


def read_log(path: Path) -> SagaLogFacts:
    """The whole log as it is now.

    Raises:
        FileNotFoundError, sqlite3.Error, ValueError: it cannot be read.
    """
    with snapshot_of(path) as database:
        events = [_event(row) for row in database.execute(_EVENTS)]
        rows = {row["saga_id"]: _row(row) for row in database.execute(_ROWS)}
    return SagaLogFacts(events, rows)


def _event(row: sqlite3.Row) -> LogEvent:
    data = json.loads(row["data"])
    return LogEvent(row["position"], row["saga_id"], row["seq"], row["type"], row["step"], data)


def _row(row: sqlite3.Row) -> LogRow:
    return LogRow(
        row["saga_id"], row["saga_type"], row["project_id"], row["state"], bool(row["closed"]), row["last_seq"]
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
