"""The event log: which toxic fired on what. A ring in memory, read by GET /events."""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator
from typing import Any

KEPT = 20_000

Event = dict[str, Any]


class EventLog:
    """Numbered events, oldest forgotten first. Ids start at 1 and never repeat within a process."""

    def __init__(self, kept: int = KEPT) -> None:
        self._events: deque[Event] = deque(maxlen=kept)
        self._next_id = 1
        self._more = asyncio.Event()
        self._closed = False

    def add(self, kind: str, **details: Any) -> int:
        """Append one event; members that are None are left out. Returns its id."""
        number, self._next_id = self._next_id, self._next_id + 1
        known = {name: value for name, value in details.items() if value is not None}
        self._events.append({"id": number, "time": round(time.time(), 6), "event": kind, **known})
        self._wake()
        return number

    def since(self, last_id: int, limit: int | None = None) -> list[Event]:
        """Events with an id above `last_id`, in order, at most `limit`."""
        skipped = max(0, last_id - (self._next_id - 1 - len(self._events)))
        found = list(self._events)[skipped:]
        return found if limit is None else found[:limit]

    async def follow(self, last_id: int, heartbeat: float) -> AsyncIterator[Event | None]:
        """Events after `last_id` as they come; None after each `heartbeat` seconds of silence. Ends with close()."""
        while not self._closed:
            more = self._more
            found = self.since(last_id)
            for event in found:
                last_id = event["id"]
                yield event
            if not found:
                try:
                    await asyncio.wait_for(more.wait(), heartbeat)
                except TimeoutError:
                    yield None

    def close(self) -> None:
        """End every follower."""
        self._closed = True
        self._wake()

    def _wake(self) -> None:
        self._more.set()
        self._more = asyncio.Event()
