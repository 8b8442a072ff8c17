"""A key that is known gets the first answer, whatever the second request asks for.

A coordinator that uses one key for two things, or whose content differs between attempts, is told that its second
content is stored. It is nowhere, and nobody finds out.

Seen: documented as such in https://docs.qonto.com/get-started/general/idempotent-requests; Stripe compares and refuses
(https://docs.stripe.com/idempotency).
"""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path

from flask import Flask

from chaos.gallery.participants.protocol import Row, Step, install
from chaos.gallery.participants.right import Participant, Pause


class KeyWithoutBody(Participant):
    def again(self, db: sqlite3.Connection, step: Step, value: str) -> Row:
        known = self.known(db, step)
        return super().again(db, step, known["value"] if known else value)


def make(folder: Path, pause: Pause = time.sleep) -> Flask:
    return install(KeyWithoutBody(folder, pause))
