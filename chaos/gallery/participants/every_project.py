"""The token is verified, and then nobody asks what it is for: a good one of any project opens this one.

A mistake in one tenant's saga, or a token that leaked there, reaches all the others.

Seen: API1:2023 Broken Object Level Authorization, the first of the OWASP API Security Top 10.
"""

from __future__ import annotations

import time
from pathlib import Path

from flask import Flask, Request

from chaos.gallery.participants.protocol import Refused, install
from chaos.gallery.participants.right import Participant, Pause


class EveryProject(Participant):
    def admit(self, sent: Request) -> None:
        try:
            super().admit(sent)
        except Refused as refused:
            if refused.status != 403:
                raise


def make(folder: Path, pause: Pause = time.sleep) -> Flask:
    return install(EveryProject(folder, pause))
