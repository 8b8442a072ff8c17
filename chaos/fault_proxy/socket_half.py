"""One socket of a proxied connection, as an asyncio protocol."""

import asyncio
import socket
import struct
from collections.abc import Callable
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from .link import Link

HIGH_WATER = 256 * 1024
"""Bytes that may wait to be written before the other side is no longer read."""
LINGER = 5.0
"""Seconds that a closed socket may take to deliver its last bytes; a peer that does not read gets no longer."""
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class Half(asyncio.Protocol):
    """A socket that hands on what it reads and is told what to write.

    `deliver` gets bytes, `ended` is called once when the peer will send no more (FIN, RST or error), `closed` once
    when the socket is gone. `fills` is the link that ends here and must slow down when this socket cannot keep up.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._transport: asyncio.Transport | None = None
        self._holds: set[str] = set()
        self._over = False
        self._linger: asyncio.TimerHandle | None = None
        self.deliver: Callable[[bytes], None]
        self.ended: Callable[[], None]
        self.closed: Callable[[], None]
        self.opened: Callable[[], None] | None = None
        self.fills: Link | None = None
        self.bytes_in = 0
        self.bytes_out = 0

    # --- asyncio's side -------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._transport.set_write_buffer_limits(high=HIGH_WATER)
        sock = self._transport.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        if self._holds:
            self._transport.pause_reading()
        if self.opened is not None:
            self.opened()

    def data_received(self, data: bytes) -> None:
        self.bytes_in += len(data)
        self.deliver(data)

    def eof_received(self) -> bool:
        self._end()
        return True  # the pipe closes the socket, when what is on its way has been delivered

    def connection_lost(self, exc: Exception | None) -> None:
        if self._linger is not None:
            self._linger.cancel()
        self._transport = None
        self._end()
        self.closed()

    def pause_writing(self) -> None:
        if self.fills is not None:
            self.fills.sink_blocked(True)

    def resume_writing(self) -> None:
        if self.fills is not None:
            self.fills.sink_blocked(False)

    # --- the proxy's side -----------------------------------------------------------------------------------

    @property
    def is_open(self) -> bool:
        return self._transport is not None and not self._transport.is_closing()

    @property
    def is_alive(self) -> bool:
        """The socket exists, though it may be closing."""
        return self._transport is not None

    def write(self, data: bytes) -> None:
        transport = self._transport
        if transport is not None and not transport.is_closing():
            self.bytes_out += len(data)
            transport.write(data)

    def hold_reading(self, reason: str, held: bool) -> None:
        """Stop reading for a reason; reading goes on when no reason is left."""
        before = bool(self._holds)
        if held:
            self._holds.add(reason)
        else:
            self._holds.discard(reason)
        if before != bool(self._holds) and self.is_open and self._transport is not None:
            if self._holds:
                self._transport.pause_reading()
            else:
                self._transport.resume_reading()

    def close(self) -> None:
        """FIN, behind what is still to be written."""
        if self._transport is not None and not self._transport.is_closing():
            self._linger = self._loop.call_later(LINGER, self.abort)
            self._transport.close()

    def abort(self) -> None:
        """Close at once; unwritten bytes are dropped."""
        if self._transport is not None:
            self._transport.abort()

    def reset(self) -> None:
        """Close at once with RST."""
        if self._transport is not None and not self._transport.is_closing():
            sock = self._transport.get_extra_info("socket")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
            self._transport.abort()

    def disown(self) -> None:
        """The socket was closed by others, and there will be no connection_lost."""
        self._transport = None

    def _end(self) -> None:
        if not self._over:
            self._over = True
            self.ended()
