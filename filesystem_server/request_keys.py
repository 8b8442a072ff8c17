"""``Idempotency-Key``: one key stands for one request. Inside the caller's transaction, as the barrier."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable

from service_kit.barrier import Branch
from service_kit.problems import Conflict

SCHEMA = """
CREATE TABLE IF NOT EXISTS request_key (
    saga_id TEXT NOT NULL,  -- '' for requests of no saga
    project TEXT NOT NULL,
    key TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    answer TEXT,            -- for requests of no saga; a saga's answers are with its barrier records
    at REAL NOT NULL,       -- seconds since 1970
    PRIMARY KEY (saga_id, project, key)
) WITHOUT ROWID;
"""
_THIS_KEY = "saga_id = ? AND project = ? AND key = ?"


class RequestKeys:
    """See the module's docstring.

    Args:
        database: the participant's own connection.
        clock: wall-clock seconds.
    """

    def __init__(self, database: sqlite3.Connection, clock: Callable[[], float] = time.time) -> None:
        self._db = database
        self._clock = clock
        database.executescript(SCHEMA)

    def claim(self, branch: Branch, key: str, fingerprint: str) -> str | None:
        """The first answer to this request, or None when it is new or its answer is kept elsewhere.

        Raises:
            Conflict: the key stands for another request.
        """
        row = (branch.saga_id, branch.project, key, fingerprint, self._clock())
        new = self._db.execute("INSERT OR IGNORE INTO request_key VALUES (?, ?, ?, ?, NULL, ?)", row)
        if new.rowcount:
            return None
        sql = f"SELECT fingerprint, answer FROM request_key WHERE {_THIS_KEY}"  # noqa: S608
        known, answer = self._db.execute(sql, (branch.saga_id, branch.project, key)).fetchone()
        if known != fingerprint:
            raise Conflict(f"the Idempotency-Key {key!r} was used for another request")
        return str(answer) if answer is not None else None

    def answer(self, branch: Branch, key: str, answer: str) -> None:
        """Keep what the caller is told, for repeats."""
        row = (answer, branch.saga_id, branch.project, key)
        self._db.execute(f"UPDATE request_key SET answer = ? WHERE {_THIS_KEY}", row)  # noqa: S608

    def forget(self, older_than: float) -> None:
        """Drop the keys of sagas that the barrier has forgotten, and those of no saga, older than this many seconds."""
        self._db.execute(
            """DELETE FROM request_key WHERE at < ? AND NOT EXISTS (SELECT 1 FROM barrier_saga AS s
               WHERE s.saga_id = request_key.saga_id AND s.project = request_key.project)""",
            (self._clock() - older_than,),
        )
