"""The compensation is not idempotent: what is undone already is "not found".

The answer to the first compensation is lost, the coordinator repeats it as it must, and is told 404 for ever. The
rollback is stuck, and an operator is called to a saga of which nothing is left.

Seen: https://github.com/recommand/recommand-peppol/pull/72 (a retried delete became a failure for its clients), and in
a standard: https://github.com/microprofile/microprofile-lra/issues/187.
"""

from __future__ import annotations

import time
from pathlib import Path

from flask import Flask

from chaos.gallery.participants.protocol import Refused, Step, install
from chaos.gallery.participants.right import Participant, Pause


class SecondUndo404(Participant):
    def undo(self, step: Step) -> None:
        with self.transaction() as db:
            known = self.known(db, step)
        if known and known["effect"] == "undone":
            raise Refused(404, "not-found")
        super().undo(step)


def make(folder: Path, pause: Pause = time.sleep) -> Flask:
    return install(SecondUndo404(folder, pause))
