"""No barrier: the compensation looks for the effect, takes it back, and forgets the saga.

An action that comes later (it was slow, or a proxy delivers it once more) finds nothing and acts. Its saga is over, so
nobody will undo it: *hanging*. The commonest of all, because every test that runs in order passes.

Seen: https://en.dtm.pub/practice/barrier describes it and why; users of Seata had to build it themselves, see
https://github.com/apache/incubator-seata/issues/2711.
"""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path

from flask import Flask

from chaos.gallery.participants.protocol import Step, install
from chaos.gallery.participants.right import Participant, Pause


class NoBarrier(Participant):
    def undo(self, step: Step) -> None:
        super().undo(step)
        with self.transaction() as db:
            db.execute(
                "DELETE FROM step WHERE saga_id = ? AND item = ? AND effect = 'undone'", (step.saga_id, step.item)
            )

    def undo_nothing(self, db: sqlite3.Connection, step: Step) -> None:
        """There is nothing to do."""


def make(folder: Path, pause: Pause = time.sleep) -> Flask:
    return install(NoBarrier(folder, pause))
