"""A saga log in the form of docs/saga-log.md for the gallery's sagas, so that the auditor can hold their word against
the world. Nothing is forced to disk, and nobody recovers from it: it is paper.
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

SAGA_TYPE = "gallery"  # no worker knows this type, so none takes these sagas over
_SCHEMA = """
CREATE TABLE IF NOT EXISTS events (position INTEGER PRIMARY KEY AUTOINCREMENT, saga_id TEXT NOT NULL,
    seq INTEGER NOT NULL, type TEXT NOT NULL, step TEXT, at REAL NOT NULL, data TEXT NOT NULL, UNIQUE (saga_id, seq));
CREATE TABLE IF NOT EXISTS sagas (saga_id TEXT NOT NULL UNIQUE, saga_type TEXT NOT NULL, project_id TEXT NOT NULL,
    state TEXT NOT NULL, closed BOOLEAN NOT NULL, last_seq INTEGER NOT NULL);
"""
_STATE_AFTER = {
    "saga.begun": "executing",
    "saga.rollback_began": "rolling_back",
    "saga.committed": "committed",
    "saga.rolled_back": "rolled_back",
}
_CLOSING = ("saga.finished", "saga.rolled_back")


class PaperLog:
    """Writes one saga's events, and the row that sums them up."""

    def __init__(self, path: Path, saga_id: str, project_id: str) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path, self._saga_id, self._seq = path, saga_id, 0
        with self._open() as database:
            database.executescript(_SCHEMA)
            row = (saga_id, SAGA_TYPE, project_id)
            database.execute("INSERT INTO sagas VALUES (?, ?, ?, 'pending', 0, 0)", row)

    def write(self, kind: str, step: str | None = None, **data: Any) -> None:
        """Append one event."""
        self._seq += 1
        row = (self._saga_id, self._seq, kind, step, time.time(), json.dumps(data))
        with self._open() as database:
            database.execute("INSERT INTO events VALUES (NULL, ?, ?, ?, ?, ?, ?)", row)
            database.execute(
                "UPDATE sagas SET last_seq = ?, state = coalesce(?, state), closed = ? WHERE saga_id = ?",
                (self._seq, _STATE_AFTER.get(kind), kind in _CLOSING, self._saga_id),
            )

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        with closing(sqlite3.connect(self._path)) as database, database:
            yield database
