"""The compensation looks for the item, not for the saga: whoever holds it loses it.

A saga that never came as far as this item is rolled back, and takes with it what another one wrote there.

Seen: the *lost update* of sagas without isolation (Richardson, `Microservices Patterns`, chapter 4.3); that data may
belong to somebody else by the time of the undo is the first caution of
https://learn.microsoft.com/en-us/azure/architecture/patterns/compensating-transaction.
"""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path

from flask import Flask

from chaos.gallery.participants.protocol import Step, install
from chaos.gallery.participants.right import Participant, Pause


class UndoByItem(Participant):
    def undo_nothing(self, db: sqlite3.Connection, step: Step) -> None:
        super().undo_nothing(db, step)
        self.restore(db, step, None)


def make(folder: Path, pause: Pause = time.sleep) -> Flask:
    return install(UndoByItem(folder, pause))
