"""One client's connection through a proxy: two sockets and the two links between them."""

import asyncio
from typing import TYPE_CHECKING

from . import addresses
from .errors import AddressFault
from .http.gate import Gate
from .link import Link
from .socket_half import Half
from .toxic import DOWNSTREAM, UPSTREAM, Toxic

if TYPE_CHECKING:
    from .proxy import Proxy


class Connection:
    """Pairs a client's socket with one to the upstream.

        client -> gate -> upstream link -> server
        client <- gate <- downstream link <- server

    The gate only watches, until the proxy has an `http_fault`. The end of either stream closes both sockets,
    as in Toxiproxy: there is no half-closed connection.
    """

    def __init__(self, proxy: "Proxy", number: int) -> None:
        self.loop = asyncio.get_running_loop()
        self.proxy = proxy
        self.number = number
        self.closed: asyncio.Future[None] = self.loop.create_future()
        self.client = Half(self.loop)
        self.upstream = Half(self.loop)
        self.links = {stream: Link(self, stream) for stream in (UPSTREAM, DOWNSTREAM)}
        self._established = False
        self._closing = False
        self._dialling: asyncio.Task[None] | None = None
        self._early: list[bytes] = []
        self._ended_early = False
        self._wire()
        self.gate = Gate(self)

    def _wire(self) -> None:
        up, down = self.links[UPSTREAM], self.links[DOWNSTREAM]
        self.client.opened = self._accepted
        self.client.deliver = self._deliver_early
        self.client.ended = self._end_early
        self.upstream.opened = self._upstream_connected
        self.client.closed = self._socket_gone
        self.client.fills = down
        up.source, down.source = self.client, self.upstream
        self._wire_upstream()

    def _wire_upstream(self) -> None:
        up, down = self.links[UPSTREAM], self.links[DOWNSTREAM]
        up.output = self.upstream.write
        down.source = self.upstream
        self.upstream.fills = up
        self.upstream.deliver = down.feed
        self.upstream.ended = self._upstream_ended
        self.upstream.closed = self._socket_gone

    # --- beginning ------------------------------------------------------------------------------------------

    def _accepted(self) -> None:
        self.proxy.connections.add(self)
        self._dialling = self.loop.create_task(self._dial())

    async def _dial(self) -> None:
        try:
            await self.connect(self.upstream)
        except (OSError, AddressFault, UnicodeError):
            self.close()

    def _upstream_connected(self) -> None:
        """Everything is in place before the first byte of the upstream can come."""
        if self._closing:
            self.upstream.abort()
            return
        self._established = True
        for toxic in self.proxy.toxics:
            self.add_toxic(toxic, since_start=True)
        self._client_may_speak()

    def _deliver_early(self, data: bytes) -> None:
        self._early.append(data)
        self.client.hold_reading("dial", True)

    def _end_early(self) -> None:
        self._ended_early = True

    def _client_may_speak(self) -> None:
        """The upstream is there: hand over what the client said meanwhile."""
        self.gate.open()
        for data in self._early:
            self.client.deliver(data)
        self._early.clear()
        self.client.hold_reading("dial", False)
        if self._ended_early:
            self.client.ended()

    async def connect(self, half: Half) -> None:
        """Connect a socket to the proxy's upstream, resolving its name anew. Raises OSError, AddressFault."""
        host, port = addresses.split(self.proxy.upstream)
        try:
            await self.loop.create_connection(lambda: half, host or "localhost", port)
        except BaseException:
            half.disown()  # uvloop closes a socket whose dialling is cancelled without a word to its protocol
            self._socket_gone()
            raise

    async def redial(self) -> bool:
        """Replace a connection to the upstream that the server has closed. False if it refuses."""
        fresh = Half(self.loop)
        fresh.bytes_in, fresh.bytes_out = self.upstream.bytes_in, self.upstream.bytes_out
        self.upstream = fresh
        self._wire_upstream()
        self.links[UPSTREAM].sink_blocked(False)  # whatever clogged the old socket
        try:
            await self.connect(fresh)
        except (OSError, AddressFault, UnicodeError):
            return False
        if self._closing:
            fresh.abort()
        return not self._closing

    # --- toxics ---------------------------------------------------------------------------------------------

    def add_toxic(self, toxic: Toxic, *, since_start: bool = False) -> None:
        if self._established and not self._closing and not toxic.behaviour.per_request:
            self.links[toxic.direction].add(toxic, since_start=since_start)

    async def update_toxic(self, toxic: Toxic) -> None:
        await self.links[toxic.direction].update(toxic)

    async def remove_toxic(self, toxic: Toxic) -> None:
        await self.links[toxic.direction].remove(toxic)

    @property
    def is_closing(self) -> bool:
        return self._closing

    # --- end ------------------------------------------------------------------------------------------------

    def stream_ended(self, link: Link) -> None:
        """The end of a stream has come out of its link, behind all of its data."""
        if link.stream == DOWNSTREAM:
            self.gate.response_stream_ended()
        self.close()

    def _upstream_ended(self) -> None:
        if self._closing:
            return
        if self.gate.outlives_upstream:
            self.upstream.close()
        else:
            self.links[DOWNSTREAM].feed_end()

    def close(self, *, reset: bool = False, drop: bool = False) -> None:
        """Close both sockets: FIN behind what was written, or RST, or at once dropping what was not written."""
        if self._closing:
            return
        self._closing = True
        if self._dialling is not None and not self._established:
            self._dialling.cancel()
        self.gate.cancel()
        for link in self.links.values():
            link.cancel()
        for half in (self.client, self.upstream):
            if reset:
                half.reset()
            elif drop:
                half.abort()
            else:
                half.close()
        self._socket_gone()

    def _socket_gone(self) -> None:
        if self._closing and not self.closed.done() and not (self.client.is_alive or self.upstream.is_alive):
            self.closed.set_result(None)
            self.proxy.forget(self)
