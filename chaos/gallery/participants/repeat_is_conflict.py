"""A repeat is told "already exists": the effect is there once, but who lost the first answer cannot know it is theirs.

The coordinator reads the 409 as a definite no and rolls back a saga that had succeeded, every time an answer is lost.

Seen: https://github.com/linkedin/brooklin/pull/495 and https://github.com/storj-archived/bridge/issues/340: a create
timed out, went on, and its retry was refused.
"""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path

from flask import Flask

from chaos.gallery.participants.protocol import Refused, Row, Step, install
from chaos.gallery.participants.right import Participant, Pause


class RepeatIsConflict(Participant):
    def again(self, db: sqlite3.Connection, step: Step, value: str) -> Row:
        super().again(db, step, value)
        raise Refused(409, "already-exists")


def make(folder: Path, pause: Pause = time.sleep) -> Flask:
    return install(RepeatIsConflict(folder, pause))
