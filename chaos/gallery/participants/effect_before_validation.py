"""First the effect, then the look at the rest of the request: a value is written before its saga is known to be named.

The request is refused with 400, the coordinator takes that for a definite no, and the value is there, with no saga that
could ever take it back.

Seen: https://github.com/holidayextras/jsonapi-store-relationaldb/issues/37 (creates although the validation fails);
https://github.com/keboola/cli/issues/599 (the row is saved before the part that may fail).
"""

from __future__ import annotations

import json
import time
from contextlib import suppress
from pathlib import Path

from flask import Flask, Request

from chaos.gallery.participants.protocol import Refused, Step, install
from chaos.gallery.participants.right import Participant, Pause


class EffectBeforeValidation(Participant):
    def parse(self, sent: Request, item: str) -> tuple[Step, str]:
        try:
            return super().parse(sent, item)
        except Refused:  # too late: what could be used was used
            with suppress(ValueError, RecursionError, TypeError, KeyError):
                self.write_early(item, json.loads(sent.get_data())["value"])
            raise

    def write_early(self, item: str, value: object) -> None:
        """The effect, of no saga."""
        if isinstance(value, str):
            with self.transaction() as db:
                self.write(db, Step("", item), value, self.item(db, item))


def make(folder: Path, pause: Pause = time.sleep) -> Flask:
    return install(EffectBeforeValidation(folder, pause))
