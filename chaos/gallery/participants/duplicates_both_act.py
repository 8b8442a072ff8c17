"""The key is looked up, the action done, and the key stored when it is done: duplicates that come at once both act.

One after the other everything is right. A proxy that repeats a slow request, or a user's second click, is not one after
the other.

Seen: https://github.com/mastodon/mastodon/pull/37879 (the key did not help when the second request came before
the first was through), https://github.com/square1-io/laravel-idempotency/issues/1 (a library made for it).
"""

from __future__ import annotations

import json
import time
from contextlib import closing
from pathlib import Path

from flask import Flask

from chaos.gallery.participants.protocol import Refused, Row, Step, install
from chaos.gallery.participants.right import Participant, Pause

WORK = 0.02  # seconds


class DuplicatesBothAct(Participant):
    def act(self, step: Step, value: str) -> Row:
        with closing(self._connect()) as db:
            known = self.known(db, step)
            held = db.execute("SELECT 1 FROM step WHERE item = ? AND effect = 'done'", (step.item,)).fetchone()
        if known or held:
            return super().act(step, value)
        self.pause(WORK)
        with self.transaction() as db:
            if (now := self.known(db, step)) and now["effect"] == "undone":
                raise Refused(409, "saga-compensated")
            before = self.item(db, step.item)
            answer = self.write(db, step, value, before)
            row = (step.saga_id, step.item, value, json.dumps(answer), json.dumps(before))
            db.execute("INSERT OR REPLACE INTO step VALUES (?, ?, 'done', ?, ?, ?)", row)
            return answer


def make(folder: Path, pause: Pause = time.sleep) -> Flask:
    return install(DuplicatesBothAct(folder, pause))
