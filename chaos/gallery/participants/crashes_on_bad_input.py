"""Bad input is a crash: the handler takes what it needs out of the body and trusts that it is there.

A 500 says that nobody knows whether there was an effect, so the coordinator repeats a request that can never succeed
until its deadline, and then compensates what never was.

Seen: https://github.com/praekeltfoundation/junebug/pull/154, https://github.com/flask-restful/flask-restful/pull/56.
"""

from __future__ import annotations

import json
import time
from pathlib import Path

from flask import Flask, Request

from chaos.gallery.participants.protocol import Step, install
from chaos.gallery.participants.right import Participant, Pause


class CrashesOnBadInput(Participant):
    def parse(self, sent: Request, item: str) -> tuple[Step, str]:
        body = json.loads(sent.get_data())
        return Step(body["saga_id"], self.text(item)), body["value"]


def make(folder: Path, pause: Pause = time.sleep) -> Flask:
    return install(CrashesOnBadInput(folder, pause))
