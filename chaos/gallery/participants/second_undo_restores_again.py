"""Every compensation restores, also the second: "restoring twice is harmless, it is the same value".

It is, until somebody else wrote in between. A compensation that is delivered again, late, puts the old value over the
work of a saga that is committed.

Seen: https://github.com/apache/incubator-seata/issues/4997: a rollback that came much later took back what
had meanwhile become right.
"""

from __future__ import annotations

import json
import time
from pathlib import Path

from flask import Flask

from chaos.gallery.participants.protocol import Step, install
from chaos.gallery.participants.right import Participant, Pause


class SecondUndoRestoresAgain(Participant):
    def undo(self, step: Step) -> None:
        with self.transaction() as db:
            known = self.known(db, step)
            if known and known["effect"] == "undone" and known["before"]:
                return self.restore(db, step, json.loads(known["before"]))
        return super().undo(step)


def make(folder: Path, pause: Pause = time.sleep) -> Flask:
    return install(SecondUndoRestoresAgain(folder, pause))
