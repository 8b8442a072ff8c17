"""One direction of one connection: from the socket that is read, through the toxics, to the socket that is written."""

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

from .stage import Stage

if TYPE_CHECKING:
    from .connection import Connection
    from .socket_half import Half
    from .toxic import Toxic

CHUNK = 32 * 1024
"""The most bytes in one chunk, as in Toxiproxy: what a toxic counts, delays or drops at once."""


class Link:
    """The pipe of one stream.

        source.data_received -> feed -> [stage -> stage ...] -> output -> sink

    Without a toxic that hit this connection, `feed` writes straight to the output.
    """

    def __init__(self, connection: "Connection", stream: str) -> None:
        self.connection = connection
        self.stream = stream
        self.output: Callable[[bytes], None]
        self.source: Half
        self.writable = asyncio.Event()
        self.writable.set()
        self._first: Stage | None = None
        self._stages: dict[str, Stage] = {}

    # --- data -----------------------------------------------------------------------------------------------

    def feed(self, data: bytes) -> None:
        """Bytes came from the source."""
        if self._first is None:
            self.output(data)
            return
        for start in range(0, len(data), CHUNK):
            self._first.put(data[start : start + CHUNK])

    def feed_end(self) -> None:
        """The source will send no more."""
        self.pass_end(self._first)

    def pass_on(self, following: Stage | None, data: bytes) -> None:
        if following is None:
            self.output(data)
        else:
            following.put(data)

    def pass_end(self, following: Stage | None) -> None:
        """The end of the stream reached the next stage, or the link's end: then the connection is over."""
        if following is None:
            self.connection.stream_ended(self)
        else:
            following.end()

    # --- flow control ---------------------------------------------------------------------------------------

    def sink_blocked(self, blocked: bool) -> None:
        """The sink's write buffer is full, or has room again."""
        if blocked:
            self.writable.clear()
        else:
            self.writable.set()
        self._control()

    def room_changed(self, stage: Stage) -> None:
        if stage is self._first:
            self._control()

    def _control(self) -> None:
        """Read from the source only while what is read has somewhere to go."""
        ready = self.writable.is_set() if self._first is None else self._first.has_room
        self.source.hold_reading("link", not ready)

    # --- toxics ---------------------------------------------------------------------------------------------

    def add(self, toxic: "Toxic", *, since_start: bool) -> None:
        """Put a toxic at the end of the chain."""
        stage = self._stages[toxic.name] = Stage(self, toxic, since_start=since_start)
        self._rewire()
        if stage.hit:
            stage.start()

    async def update(self, toxic: "Toxic") -> None:
        """The toxic's attributes or toxicity changed: roll again and restart it; its count stays."""
        stage = self._stages.get(toxic.name)
        if stage is None:
            return
        was_hit = stage.hit
        await stage.stop()
        stage.roll()
        if stage.hit:
            self._rewire()
            stage.start()
        elif was_hit:
            self._leave(stage)

    async def remove(self, toxic: "Toxic") -> None:
        """Take a toxic out of the chain; what it holds is passed on at once."""
        stage = self._stages.get(toxic.name)
        if stage is None:
            return
        await stage.stop()
        self._stages.pop(toxic.name, None)
        if stage.hit:
            self._leave(stage)
            toxic.behaviour.removed(stage)

    def cancel(self) -> None:
        for stage in self._stages.values():
            stage.cancel()

    def _leave(self, stage: Stage) -> None:
        stage.drain()  # before the path changes: nothing may overtake what waited
        self._rewire()

    def _rewire(self) -> None:
        path = [stage for stage in self._stages.values() if stage.hit]
        for stage, following in zip(path, [*path[1:], None], strict=False):
            stage.next = following
        self._first = path[0] if path else None
        self._control()
