"""The compensation of an action that never came is "not found", and is not remembered.

The action was lost on its way, or is still on it; the coordinator compensates, because no answer is never a no. It is
refused for ever, and when the action does arrive it is done.

Seen: https://github.com/apache/incubator-seata-go/issues/685: an empty rollback failed and was repeated until
a timeout.
"""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path

from flask import Flask

from chaos.gallery.participants.protocol import Refused, Step, install
from chaos.gallery.participants.right import Participant, Pause


class EmptyUndo404(Participant):
    def undo_nothing(self, db: sqlite3.Connection, step: Step) -> None:
        raise Refused(404, "not-found")


def make(folder: Path, pause: Pause = time.sleep) -> Flask:
    return install(EmptyUndo404(folder, pause))
