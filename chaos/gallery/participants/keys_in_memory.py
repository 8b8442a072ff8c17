"""Keys and barrier records are kept in memory: effects survive a restart, the memory of them does not.

After a deployment in the middle of a saga a repeat acts again, a late action is let in, and a compensation has nothing
to restore: it is taken for an empty one and answered with success.

Seen: https://github.com/ikyriak/IdempotentAPI/issues/57 (the key's store is not the effect's, so a crash between them
loses one), https://github.com/craigmccaskill/posthorn/issues/6 (in memory first, durable planned for later).
"""

from __future__ import annotations

import time
from pathlib import Path

from flask import Flask

from chaos.gallery.participants.protocol import install
from chaos.gallery.participants.right import Participant, Pause


class KeysInMemory(Participant):
    def __init__(self, folder: Path, pause: Pause = time.sleep) -> None:
        super().__init__(folder, pause)
        with self.transaction() as db:  # what a process that starts knows of its memory
            db.execute("DELETE FROM step")


def make(folder: Path, pause: Pause = time.sleep) -> Flask:
    return install(KeysInMemory(folder, pause))
