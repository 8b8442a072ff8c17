"""Actions are answered when they are queued; the queue is worked off when the next write comes.

A reader who was told "done" sees the old value, and so does whoever decides something by it.

Seen: the *stale reads* and *lost writes* of Jepsen's reports, with the difference between them explained in
https://jepsen.io/consistency/phenomena/lost-write.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from flask import Flask

from chaos.gallery.participants.protocol import Row, Step, install
from chaos.gallery.participants.right import SCHEMA, Participant, Pause


class AnswersBeforeEffect(Participant):
    schema = SCHEMA + "CREATE TABLE IF NOT EXISTS queue (item TEXT, value TEXT, version INTEGER);"

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        with super().transaction() as db:
            db.execute("INSERT OR REPLACE INTO item SELECT * FROM queue ORDER BY rowid")
            db.execute("DELETE FROM queue")
            yield db

    def write(self, db: sqlite3.Connection, step: Step, value: str, before: Row | None) -> Row:
        new = {"item": step.item, "value": value, "version": before["version"] + 1 if before else 1}
        db.execute("INSERT INTO queue VALUES (:item, :value, :version)", new)
        return new


def make(folder: Path, pause: Pause = time.sleep) -> Flask:
    return install(AnswersBeforeEffect(folder, pause))
