"""A barrier that looks and then acts: action and compensation each ask whether the other was there, then go on.

Between look and act is a window. Both look, both see nothing, both act: the compensation is recorded, the effect is
there, and the saga is reported as rolled back. One after the other everything is right, so only a race shows it.

Seen: `ACIDRain: Concurrency-Related Attacks on Database-Backed Web Applications` (Warszawski and Bailis, SIGMOD 2017)
found such windows in popular shops; what is wrong with barriers made at home is discussed in
https://en.dtm.pub/practice/barrier.
"""

from __future__ import annotations

import time
from contextlib import closing
from pathlib import Path

from flask import Flask

from chaos.gallery.participants.protocol import Refused, Row, Step, install
from chaos.gallery.participants.right import Participant, Pause

WINDOW = 0.02  # seconds: a slow query, a garbage collection


class CheckThenAct(Participant):
    def act(self, step: Step, value: str) -> Row:
        if self.effect(step) == "undone":
            raise Refused(409, "saga-compensated")
        self.pause(WINDOW)
        with self.transaction() as db:  # sure of itself: whatever was written meanwhile is written over
            db.execute(
                "DELETE FROM step WHERE saga_id = ? AND item = ? AND effect = 'undone'", (step.saga_id, step.item)
            )
        return super().act(step, value)

    def undo(self, step: Step) -> None:
        if self.effect(step) is not None:
            return super().undo(step)
        self.pause(WINDOW)
        with self.transaction() as db:
            row = (step.saga_id, step.item)
            db.execute("INSERT OR IGNORE INTO step VALUES (?, ?, 'undone', NULL, NULL, NULL)", row)
        return None

    def effect(self, step: Step) -> str | None:
        """The look, on its own."""
        with closing(self._connect()) as db:
            known = self.known(db, step)
            return known["effect"] if known else None


def make(folder: Path, pause: Pause = time.sleep) -> Flask:
    return install(CheckThenAct(folder, pause))
