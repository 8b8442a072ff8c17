"""The memory of sagas has room for a few: the oldest is dropped, whether or not its saga is over.

Under load a repeat of an older request is a new request, and a late action of a compensated saga is let in: when the
system is busy, and only then.

Seen: a bounded cache is the usual first version, as in https://github.com/craigmccaskill/posthorn/issues/6; some
interfaces promise no more than half an hour (https://docs.qonto.com/get-started/general/idempotent-requests).
"""

from __future__ import annotations

import time
from pathlib import Path

from flask import Flask

from chaos.gallery.participants.protocol import Row, Step, install
from chaos.gallery.participants.right import Participant, Pause

ROOM = 4  # sagas


class ForgetsTheOldest(Participant):
    def act(self, step: Step, value: str) -> Row:
        answer = super().act(step, value)
        with self.transaction() as db:
            db.execute(
                "DELETE FROM step WHERE rowid NOT IN (SELECT rowid FROM step ORDER BY rowid DESC LIMIT ?)", (ROOM,)
            )
        return answer


def make(folder: Path, pause: Pause = time.sleep) -> Flask:
    return install(ForgetsTheOldest(folder, pause))
