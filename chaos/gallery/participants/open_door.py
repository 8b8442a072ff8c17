"""No token is asked for: "only our own services can reach this port".

Whoever does reach it acts in the name of any saga, or undoes what one did.

Seen: API2:2023 Broken Authentication in the OWASP API Security Top 10, which names services that others in the same
network may call without being asked who they are.
"""

from __future__ import annotations

import time
from pathlib import Path

from flask import Flask, Request

from chaos.gallery.participants.protocol import install
from chaos.gallery.participants.right import Participant, Pause


class OpenDoor(Participant):
    def admit(self, sent: Request) -> None:
        """Everybody."""


def make(folder: Path, pause: Pause = time.sleep) -> Flask:
    return install(OpenDoor(folder, pause))
