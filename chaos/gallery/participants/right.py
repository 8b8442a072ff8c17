"""The right participant: barrier record, effect and undo data in one transaction, every decision by a unique key.

After the sub-transaction barrier of dtm (https://en.dtm.pub/practice/barrier).
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from flask import Flask

from chaos.gallery.participants.protocol import Refused, Row, Service, Step, install

SCHEMA = """
CREATE TABLE IF NOT EXISTS item (item TEXT PRIMARY KEY, value TEXT NOT NULL, version INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS step (
    saga_id TEXT NOT NULL,
    item TEXT NOT NULL,
    effect TEXT NOT NULL,    -- done, undone or confirmed
    value TEXT,              -- what was asked; NULL: only ever compensated
    answer TEXT,             -- JSON, what the action was answered
    before TEXT,             -- JSON, what was there before; null: nothing
    PRIMARY KEY (saga_id, item)
);
CREATE UNIQUE INDEX IF NOT EXISTS lock ON step (item) WHERE effect = 'done';
"""
Pause = Callable[[float], None]


class Participant(Service):
    """Keeps values of items, for sagas that can take back what they wrote.

    Args:
        folder: for its database.
        pause: seconds to wait; for windows in wrong ones.
    """

    schema = SCHEMA

    def __init__(self, folder: Path, pause: Pause = time.sleep) -> None:
        self.folder, self.pause = folder, pause
        with closing(self._connect()) as db:
            db.executescript(f"PRAGMA journal_mode = WAL; {self.schema}")

    # The four calls

    def act(self, step: Step, value: str) -> Row:
        """The action. Raises Refused."""
        with self.transaction() as db:
            before = self.item(db, step.item)
            row = (step.saga_id, step.item, value, json.dumps(before))
            try:
                db.execute("INSERT INTO step VALUES (?, ?, 'done', ?, NULL, ?)", row)
            except sqlite3.IntegrityError:
                return self.again(db, step, value)
            answer = self.write(db, step, value, before)
            self.update(db, step, "answer", json.dumps(answer))
            return answer

    def undo(self, step: Step) -> None:
        """The compensation. Raises Refused."""
        with self.transaction() as db:
            known = self.known(db, step)
            if known is None:
                return self.undo_nothing(db, step)
            if known["effect"] == "confirmed":
                raise Refused(409, "conflict")
            if known["effect"] == "done":
                self.restore(db, step, json.loads(known["before"]))
                self.update(db, step, "effect", "undone")
            return None

    def confirm(self, saga_id: str) -> list[str]:
        """The saga is committed. Returns its items."""
        with self.transaction() as db:
            db.execute("UPDATE step SET effect = 'confirmed' WHERE saga_id = ? AND effect = 'done'", (saga_id,))
            sql = "SELECT item FROM step WHERE saga_id = ? AND effect = 'confirmed' ORDER BY item"
            return [row["item"] for row in db.execute(sql, (saga_id,))]

    def read(self, item: str) -> Row | None:
        """What a reader sees."""
        with closing(self._connect()) as db:
            return self.item(db, item)

    # What wrong ones get wrong

    def again(self, db: sqlite3.Connection, step: Step, value: str) -> Row:
        """The action was here before, or another open saga holds the item."""
        known = self.known(db, step)
        if known is None:
            raise Refused(409, "locked")
        if known["effect"] == "undone":
            raise Refused(409, "saga-compensated")
        if known["value"] != value:
            raise Refused(409, "conflict")
        answer: Row = json.loads(known["answer"])
        return answer

    def undo_nothing(self, db: sqlite3.Connection, step: Step) -> None:
        """The action never came, and never may."""
        db.execute("INSERT INTO step VALUES (?, ?, 'undone', NULL, NULL, NULL)", (step.saga_id, step.item))

    def write(self, db: sqlite3.Connection, step: Step, value: str, before: Row | None) -> Row:
        """The effect."""
        new = {"item": step.item, "value": value, "version": before["version"] + 1 if before else 1}
        db.execute("INSERT OR REPLACE INTO item VALUES (:item, :value, :version)", new)
        return new

    def restore(self, db: sqlite3.Connection, step: Step, before: Row | None) -> None:
        """Bring back what was there before."""
        db.execute("DELETE FROM item WHERE item = ?", (step.item,))
        if before:
            db.execute("INSERT INTO item VALUES (:item, :value, :version)", before)

    # The database

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """One writer at a time; all or nothing; on disk before it ends."""
        with closing(self._connect()) as db:
            db.execute("BEGIN IMMEDIATE")
            yield db
            db.execute("COMMIT")

    def item(self, db: sqlite3.Connection, item: str) -> Row | None:
        return _first(db, "SELECT * FROM item WHERE item = ?", (item,))

    def known(self, db: sqlite3.Connection, step: Step) -> Row | None:
        return _first(db, "SELECT * FROM step WHERE saga_id = ? AND item = ?", (step.saga_id, step.item))

    def update(self, db: sqlite3.Connection, step: Step, column: str, value: str) -> None:
        sql = f"UPDATE step SET {column} = ? WHERE saga_id = ? AND item = ?"  # noqa: S608 - our own two names
        db.execute(sql, (value, step.saga_id, step.item))

    def _connect(self) -> sqlite3.Connection:
        db = sqlite3.connect(self.folder / "participant.sqlite3", timeout=20, isolation_level=None)
        db.execute("PRAGMA synchronous = FULL")
        db.row_factory = lambda cursor, row: dict(zip((name for name, *_ in cursor.description), row, strict=True))
        return db


def _first(db: sqlite3.Connection, sql: str, values: tuple[str, ...]) -> Row | None:
    row: Row | None = db.execute(sql, values).fetchone()
    return row


def make(folder: Path, pause: Pause = time.sleep) -> Flask:
    """The WSGI application."""
    return install(Participant(folder, pause))
