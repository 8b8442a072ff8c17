"""A compensation is taken at any time, also after the confirm.

A coordinator that was slow or was replaced sends the compensation it had decided on before; it arrives after the
commit, and takes a part out of a saga that is reported as committed.

Seen: reported in https://github.com/liuyangming/ByteTCC-sample/issues/37 (one participant cancels what the others
have confirmed); that a confirm is final is argued in https://github.com/prontera/spring-cloud-rest-tcc/issues/20.
"""

from __future__ import annotations

import time
from pathlib import Path

from flask import Flask

from chaos.gallery.participants.protocol import Step, install
from chaos.gallery.participants.right import Participant, Pause


class UndoesTheConfirmed(Participant):
    def undo(self, step: Step) -> None:
        with self.transaction() as db:
            known = self.known(db, step)
            if known and known["effect"] == "confirmed":
                self.update(db, step, "effect", "done")
        super().undo(step)


def make(folder: Path, pause: Pause = time.sleep) -> Flask:
    return install(UndoesTheConfirmed(folder, pause))
