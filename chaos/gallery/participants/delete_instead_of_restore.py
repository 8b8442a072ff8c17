"""The compensation deletes: "I undo a write, so I remove what was written".

On a fresh item that is right. On one that had a value it destroys what another saga had committed, and the rollback of
the second saga becomes a loss of data for everybody.

Seen: https://github.com/apache/incubator-seata-go/issues/1121: a ``REPLACE INTO`` was undone as if it were a plain
insert, and the rows that it had overwritten could not be brought back.
"""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path

from flask import Flask

from chaos.gallery.participants.protocol import Row, Step, install
from chaos.gallery.participants.right import Participant, Pause


class DeleteInsteadOfRestore(Participant):
    def restore(self, db: sqlite3.Connection, step: Step, before: Row | None) -> None:
        super().restore(db, step, None)


def make(folder: Path, pause: Pause = time.sleep) -> Flask:
    return install(DeleteInsteadOfRestore(folder, pause))
