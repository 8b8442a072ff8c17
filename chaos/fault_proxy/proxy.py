"""One proxy: a listening socket, its upstream, its toxics and its open connections."""

import asyncio
from collections.abc import Coroutine
from typing import Any

from . import addresses
from .connection import Connection
from .errors import Conflict, NotFound
from .http.heads import Head
from .ledger import Ledger
from .socket_half import Half
from .toxic import DOWNSTREAM, STREAMS, Toxic, ToxicRequest
from .toxics.http_fault import HttpFault

STOP_LIMIT = 2.0
"""Seconds that closing connections may take before a stopped proxy is done anyway."""


class Proxy:
    """Listens at `listen` while it is enabled and pipes every connection to `upstream`."""

    def __init__(self, name: str, listen: str, upstream: str, ledger: Ledger) -> None:
        self.name = name
        self.listen = listen
        self.upstream = upstream
        self.enabled = False
        self.toxics: list[Toxic] = []
        self.request_toxics: list[Toxic] = []
        self.connections: set[Connection] = set()
        self.ledger = ledger
        self.accepted = 0
        self._matches: dict[str, int] = {}
        self._server: asyncio.Server | None = None
        self._copies: set[asyncio.Task[None]] = set()
        self._changing = asyncio.Lock()

    # --- enabled and disabled -------------------------------------------------------------------------------

    async def start(self) -> None:
        """Listen. Raises AddressFault; the proxy is disabled then."""
        if self.enabled:
            return
        sock = await addresses.listen(self.listen)
        self.listen = addresses.bound(sock)
        self._server = await asyncio.get_running_loop().create_server(self._accept, sock=sock)
        self.enabled = True

    async def stop(self) -> None:
        """Stop listening and close every connection; what they still held is dropped."""
        self.enabled = False
        if self._server is not None:
            self._server.close()
            self._server = None
        for copy in self._copies:
            copy.cancel()
        open_connections = list(self.connections)
        for connection in open_connections:
            connection.close(drop=True)
        if open_connections:
            await asyncio.wait([connection.closed for connection in open_connections], timeout=STOP_LIMIT)

    async def move(self, listen: str, upstream: str) -> None:
        """Take new addresses; toxics are kept, connections are closed. Leaves the proxy disabled."""
        await self.stop()
        self.listen, self.upstream = listen, upstream

    def _accept(self) -> Half:
        self.accepted += 1
        return Connection(self, self.accepted).client

    def forget(self, connection: Connection) -> None:
        """A connection has ended."""
        if connection in self.connections:
            self.connections.discard(connection)
            self.ledger.connection_ended(self, connection)

    def send_copy(self, delivery: Coroutine[Any, Any, None]) -> None:
        """Run the delivery of a duplicate; it outlives its connection but not the proxy's being disabled."""
        task = asyncio.get_running_loop().create_task(delivery)
        self._copies.add(task)
        task.add_done_callback(self._copies.discard)

    # --- toxics ---------------------------------------------------------------------------------------------

    def listed(self) -> list[Toxic]:
        """Upstream toxics first, then downstream ones, each in order of creation."""
        return [toxic for stream in STREAMS for toxic in self.toxics if toxic.direction == stream]

    def find(self, name: str) -> Toxic:
        for toxic in self.toxics:
            if toxic.name == name:
                return toxic
        raise NotFound("toxic not found")

    async def add_toxic(self, body: Any) -> Toxic:
        """Put a toxic on all connections, open and later ones. Raises BadRequest, Conflict."""
        request = ToxicRequest.parse(body)
        async with self._changing:
            if any(toxic.name == request.name for toxic in self.toxics):
                raise Conflict("toxic already exists")
            toxic = request.build(f"{self.ledger.seed}/{self.name}")
            self.toxics.append(toxic)
            if toxic.behaviour.per_request:
                self._request_toxic_added(toxic)
            for connection in list(self.connections):
                connection.add_toxic(toxic)
            return toxic

    async def update_toxic(self, name: str, body: Any) -> Toxic:
        """Change attributes and toxicity; the toxicity is rolled again. Raises NotFound, BadRequest."""
        async with self._changing:
            toxic = self.find(name)
            toxic.update(body)
            self._matches.pop(name, None)
            await asyncio.gather(*(connection.update_toxic(toxic) for connection in list(self.connections)))
            return toxic

    async def remove_toxic(self, name: str) -> None:
        """Take a toxic away; what it held back is passed on at once. Raises NotFound."""
        async with self._changing:
            toxic = self.find(name)
            self.toxics.remove(toxic)
            self._matches.pop(name, None)
            if toxic.behaviour.per_request:
                self.request_toxics.remove(toxic)
                for connection in list(self.connections):
                    connection.gate.fault_removed(toxic)
            await asyncio.gather(*(connection.remove_toxic(toxic) for connection in list(self.connections)))

    async def remove_all_toxics(self) -> None:
        for toxic in list(self.toxics):
            await self.remove_toxic(toxic.name)

    def _request_toxic_added(self, toxic: Toxic) -> None:
        self.request_toxics.append(toxic)
        if len(self.request_toxics) == 1:
            for connection in self.connections:
                connection.gate.fault_added()

    # --- what fires -----------------------------------------------------------------------------------------

    def choose(self, head: Head) -> Toxic | None:
        """The `http_fault` that fires on a request: the first that is due. Every one counts its own matches."""
        chosen: Toxic | None = None
        header = {name: head.header(name) or "" for name, _ in head.headers} if self.request_toxics else {}
        for toxic in self.request_toxics:
            fault = toxic.behaviour
            if not isinstance(fault, HttpFault) or not fault.match.accepts(head.method, head.target, header):
                continue
            matches = self._matches[toxic.name] = self._matches.get(toxic.name, 0) + 1
            due = fault.due(matches) and toxic.random(matches).random() < toxic.toxicity
            chosen = chosen or (toxic if due else None)
        return chosen

    def fired(self, toxic: Toxic, connection: Connection, **details: Any) -> None:
        """A toxic acts for the first time on a connection's stream, or on a request."""
        self.ledger.toxic_fired(self.name, toxic)
        self.note(toxic, connection, "fired", **details)

    def note(self, toxic: Toxic, connection: Connection, kind: str, **details: Any) -> None:
        self.ledger.events.add(
            kind,
            proxy=self.name,
            toxic=toxic.name,
            type=toxic.type,
            stream=toxic.direction,
            connection=connection.number,
            **details,
        )

    def note_not_http(self, connection: Connection) -> None:
        self.ledger.events.add("not_http", proxy=self.name, stream=DOWNSTREAM, connection=connection.number)

    def to_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "listen": self.listen,
            "upstream": self.upstream,
            "enabled": self.enabled,
            "toxics": [toxic.to_json() for toxic in self.listed()],
        }
