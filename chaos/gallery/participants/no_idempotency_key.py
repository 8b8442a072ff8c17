"""The key is not looked at: every delivery of an action acts.

A lost answer doubles the effect. And each delivery saves what it found as what to restore, so the compensation of an
action that came twice restores the action's own first effect.

Seen: the reason why Stripe's interface has such keys (https://docs.stripe.com/idempotency), and why users file what
https://github.com/furthemore/APIS/pull/193 mends: charged twice.
"""

from __future__ import annotations

import json
import sqlite3
import time
from pathlib import Path

from flask import Flask

from chaos.gallery.participants.protocol import Refused, Row, Step, install
from chaos.gallery.participants.right import Participant, Pause


class NoIdempotencyKey(Participant):
    def again(self, db: sqlite3.Connection, step: Step, value: str) -> Row:
        known = self.known(db, step)
        if known is None:
            raise Refused(409, "locked")
        if known["effect"] == "undone":
            raise Refused(409, "saga-compensated")
        before = self.item(db, step.item)
        self.update(db, step, "before", json.dumps(before))
        return self.write(db, step, value, before)


def make(folder: Path, pause: Pause = time.sleep) -> Flask:
    return install(NoIdempotencyKey(folder, pause))
