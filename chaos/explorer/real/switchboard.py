"""Where the processes of a real stage call in: the coordinator whose turn it is, and participants at any time."""

from __future__ import annotations

import socket
from collections.abc import Callable
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any

from chaos.explorer.real.lines import Channel, Hangup, Message

LIMIT = 90.0  # seconds without a word from anybody


class Stalled(Exception):
    """Nobody said a word for LIMIT seconds though somebody should."""


class Switchboard:
    """Listens, and hears one at a time.

    Attributes:
        on_guest: what to do with a participant's message; it answers it, or not.
        on_hangup: told when a participant's conversation ends.
    """

    def __init__(self, path: Path) -> None:
        self.on_guest: Callable[[Channel, Message], None] = lambda guest, message: None
        self.on_hangup: Callable[[Channel], None] = lambda guest: None
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen(64)
        self._guests: list[Channel] = []
        self._coordinators: dict[str, Channel] = {}

    def coordinator(self, name: str) -> Channel:
        """The line of the coordinator that was just started. Raises Stalled."""
        self.serve_until(lambda: name in self._coordinators)
        return self._coordinators.pop(name)

    def receive(self, channel: Channel) -> Message:
        """The next message of a coordinator; participants are served meanwhile. Raises Hangup, Stalled."""
        while not self._serve_one(channel):
            pass
        return channel.receive()

    def serve_until(self, condition: Callable[[], bool]) -> None:
        """Serve participants until ``condition`` holds. Raises Stalled."""
        while not condition():
            self._serve_one(None)

    def hang_up(self) -> None:
        """End every conversation: a run is over."""
        for channel in (*self._guests, *self._coordinators.values()):
            channel.close()
        self._guests.clear()
        self._coordinators.clear()

    def close(self) -> None:
        self.hang_up()
        self._listener.close()

    def _serve_one(self, also: Channel | None) -> bool:
        """Hear one participant that has something to say; True when none has, but ``also`` has."""
        listening: list[Any] = [self._listener, *self._guests, *([also] if also else [])]
        ready = wait(listening, LIMIT)
        if not ready:
            raise Stalled(f"not a word from anybody for {LIMIT:.0f} s")
        for one in ready:
            if one is self._listener:
                self._guests.append(Channel(self._listener.accept()[0]))
                return False
            if isinstance(one, Channel) and one is not also:
                self._hear(one)
                return False
        return True

    def _hear(self, guest: Channel) -> None:
        try:
            message = guest.receive()
        except Hangup:
            self._guests.remove(guest)
            guest.close()
            self.on_hangup(guest)
            return
        if message["op"] == "coordinator":
            self._guests.remove(guest)
            self._coordinators[message["who"]] = guest
        else:
            self.on_guest(guest, message)
