"""Messages between the stage and the processes that it started: one JSON object a line, over a Unix socket."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import Any

Message = dict[str, Any]


class Hangup(Exception):
    """The other side is gone."""


class Channel:
    """One connection; its two sides take turns."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._lines = connection.makefile("rb")

    @classmethod
    def dial(cls, path: Path) -> Channel:
        """Connect to who listens there."""
        connection = socket.socket(socket.AF_UNIX)
        connection.connect(str(path))
        return cls(connection)

    def fileno(self) -> int:
        return self._connection.fileno()

    def send(self, message: Message) -> None:
        """Raises Hangup."""
        try:
            self._connection.sendall(json.dumps(message).encode() + b"\n")
        except OSError as error:
            raise Hangup from error

    def receive(self) -> Message:
        """The next message; waits for it. Raises Hangup."""
        try:
            line = self._lines.readline()
        except OSError as error:
            raise Hangup from error
        if not line.endswith(b"\n"):
            raise Hangup
        message: Message = json.loads(line)
        return message

    def ask(self, message: Message) -> Message:
        """Send, and wait for the answer. Raises Hangup."""
        self.send(message)
        return self.receive()

    def close(self) -> None:
        self._lines.close()
        self._connection.close()
