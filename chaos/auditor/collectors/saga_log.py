"""The saga log, read by our own SQL (docs/saga-log.md)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from chaos.auditor.collectors.log_database import LogAddress, LogDatabase, open_log
from chaos.auditor.facts import LogEvent, LogRow, SagaLogFacts

_EVENTS = "SELECT * FROM events ORDER BY position"
_ROWS = "SELECT * FROM sagas"
_OPEN = "SELECT count(*) AS n FROM sagas WHERE NOT closed AND state <> 'failed'"
_UNCLOSED = "SELECT count(*) AS n FROM sagas WHERE NOT closed"
_LAST = "SELECT coalesce(max(position), 0) AS n FROM events"
CHAINED_SINCE = 2  # the schema version from which on events carry hashes


def read_log(where: LogAddress) -> SagaLogFacts:
    """The whole log as it is now, in one snapshot.

    Raises:
        FileNotFoundError, sqlite3.Error, CannotSee, ValueError: it cannot be read.
    """
    with open_log(where) as database:
        hashed, headed = "hash" in database.columns("events"), "head" in database.columns("sagas")
        events = [_event(row, hashed) for row in database.rows(_EVENTS)]
        rows = {row["saga_id"]: _row(row, headed) for row in database.rows(_ROWS)}
        # By its version or by a column: whoever takes one of them away does not make it an old log.
        chained = hashed or headed or _version(database) >= CHAINED_SINCE
        return SagaLogFacts(events, rows, chained=chained, gapless=database.gapless)


def _version(database: LogDatabase) -> int:
    if not database.columns("meta"):
        return 0
    return max((int(row["schema_version"]) for row in database.rows("SELECT schema_version FROM meta")), default=0)


def _event(row: Mapping[str, Any], hashed: bool) -> LogEvent:
    data, link = json.loads(row["data"]), row["hash"] if hashed else None
    return LogEvent(row["position"], row["saga_id"], row["seq"], row["type"], row["step"], data, row["at"], link)


def _row(row: Mapping[str, Any], headed: bool) -> LogRow:
    return LogRow(
        row["saga_id"],
        row["saga_type"],
        row["project_id"],
        row["state"],
        bool(row["closed"]),
        row["last_seq"],
        row["head"] if headed else None,
    )


def read_again(where: LogAddress, before: SagaLogFacts) -> SagaLogFacts:
    """The log as it is now, with the sagas marked that moved since ``before`` was read."""
    last = _last(before.events)
    if last == last_position(where):
        return before
    now = read_log(where)
    return replace(now, moved=frozenset(event.saga_id for event in now.events if event.position > last))


def open_sagas(where: LogAddress) -> int:
    """How many sagas somebody still has to work on, by their own rows: this only decides when to look."""
    return _number(where, _OPEN)


def unclosed_sagas(where: LogAddress) -> int:
    """The same with those that are parked and try again by themselves (R10)."""
    return _number(where, _UNCLOSED)


def last_position(where: LogAddress) -> int:
    """The position of the newest event; 0 when there is none."""
    return _number(where, _LAST)


def _last(events: Iterable[LogEvent]) -> int:
    return max((event.position for event in events), default=0)


def _number(where: LogAddress, query: str) -> int:
    with open_log(where) as database:
        (found,) = database.rows(query)
        return int(found["n"])
