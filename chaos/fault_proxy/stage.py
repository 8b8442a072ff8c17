"""One toxic at work on one stream of one connection."""

import asyncio
import logging
from collections import deque
from collections.abc import Coroutine
from math import inf
from random import Random
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from .link import Link
    from .toxic import Toxic

log = logging.getLogger(__name__)


class Chunk(NamedTuple):
    """Bytes on their way and when they arrived, in the event loop's time (seconds)."""

    data: bytes
    arrived: float


class Interrupted(Exception):
    """The toxic is being updated or removed: leave what still waits in the stage where it is."""


class Stage:
    """An inbox, a task that runs the toxic, and the way on.

        put() -> inbox -> Behaviour.run(): receive() ... send() -> next stage, or the link's end

    `hit` is the roll of the toxicity; only stages that were hit are part of the link's path.
    """

    def __init__(self, link: "Link", toxic: "Toxic", *, since_start: bool) -> None:
        self.link = link
        self.toxic = toxic
        self.since_start = since_start
        self.passed = 0
        self.next: Stage | None = None
        self._inbox: deque[Chunk] = deque()
        self._ended = False
        self._done = False
        self._fired = False
        self._stopping = False
        self._data = asyncio.Event()
        self._interrupt = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()
        self._task: asyncio.Task[None] | None = None
        self.roll()

    def roll(self) -> None:
        """Decide anew whether this stream is hit, from the seed, the names and the connection's number alone."""
        self.random: Random = self.toxic.random(self.link.connection.number)
        self.hit = self.random.random() < self.toxic.toxicity

    # --- fed by the link or by the stage in front -----------------------------------------------------------

    def put(self, data: bytes) -> None:
        """Take in bytes; the one who puts asks `has_room` first, or accepts that they pile up."""
        if self._done:
            return
        self._inbox.append(Chunk(data, self.now()))
        self._data.set()
        if len(self._inbox) >= self.toxic.behaviour.buffer:
            self._room.clear()
            self.link.room_changed(self)

    def end(self) -> None:
        """The stream ends behind what was put."""
        self._ended = True
        self._data.set()

    @property
    def has_room(self) -> bool:
        return self._done or self._room.is_set()

    async def room(self) -> None:
        """Wait until there is room."""
        await self._room.wait()

    # --- used by behaviours ---------------------------------------------------------------------------------

    async def receive(self, limit: float | None = None, *, keep: bool = False) -> Chunk | None:
        """The next chunk, or None at the end of the stream; `keep` leaves the chunk in the inbox.

        Raises Interrupted, and TimeoutError after `limit` seconds without anything.
        """
        while True:
            self.check_interrupted()
            if self._inbox:
                self._fire()
                return self._inbox[0] if keep else self._take()
            if self._ended:
                self._fire()
                return None
            self._data.clear()
            await asyncio.wait_for(self._data.wait(), limit)

    def check_interrupted(self) -> None:
        """Raise Interrupted if the toxic is being updated or removed."""
        if self._stopping:
            raise Interrupted

    async def send(self, data: bytes) -> None:
        """Pass bytes on, when the way on has room; at once when the toxic is being updated or removed."""
        following = self.next
        if not self._stopping and not (following.has_room if following else self.link.writable.is_set()):
            await self._unless_interrupted(following.room() if following else self.link.writable.wait())
        self.link.pass_on(self.next, data)

    async def sleep_until(self, due: float) -> None:
        """Wait until the loop's time is `due`; returns early when the toxic is being updated or removed."""
        delay = due - self.now()
        if delay <= 0 or self._stopping:
            return
        try:
            await asyncio.wait_for(self._interrupt.wait(), None if delay == inf else delay)
        except TimeoutError:
            return

    def now(self) -> float:
        return self.link.connection.loop.time()

    def close_connection(self, *, reset: bool = False) -> None:
        self.link.connection.close(reset=reset)

    # --- life -----------------------------------------------------------------------------------------------

    def start(self) -> None:
        self._stopping = False
        self._interrupt.clear()
        if not self._done:
            self._task = self.link.connection.loop.create_task(self._work())

    async def stop(self) -> None:
        """Interrupt the toxic; it passes on what it holds and returns."""
        self._stopping = True
        self._interrupt.set()
        self._data.set()
        if self._task is not None:
            await asyncio.wait([self._task])

    def cancel(self) -> None:
        """The connection is gone: drop everything."""
        self._done = True
        self._inbox.clear()
        if self._task is not None and not self._task.done():
            self._task.cancel()

    def drain(self) -> None:
        """Pass on what waits, now that the toxic no longer works here."""
        while self._inbox:
            self.link.pass_on(self.next, self._take().data)
        if self._ended and not self._done:
            self.link.pass_end(self.next)

    async def _work(self) -> None:
        try:
            await self.toxic.behaviour.run(self)
        except Interrupted:
            return
        except Exception:
            log.exception("toxic failed", extra={"toxic": self.toxic.name})
            self.close_connection()
            return
        self._done = True
        self._inbox.clear()
        self._room.set()
        self.link.room_changed(self)
        self.link.pass_end(self.next)

    def _take(self) -> Chunk:
        chunk = self._inbox.popleft()
        if not self._room.is_set() and len(self._inbox) < self.toxic.behaviour.buffer:
            self._room.set()
            self.link.room_changed(self)
        return chunk

    def _fire(self) -> None:
        if not self._fired:
            self._fired = True
            self.link.connection.proxy.fired(self.toxic, self.link.connection)

    async def _unless_interrupted(self, waiting: Coroutine[Any, Any, object]) -> None:
        tasks = [asyncio.ensure_future(waiting), asyncio.ensure_future(self._interrupt.wait())]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
