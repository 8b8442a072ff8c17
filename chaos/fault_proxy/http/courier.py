"""Delivers a copy of a request over a connection of its own and waits for the answer."""

import asyncio

from .. import addresses
from .framer import Framer, Kind, response_body
from .heads import ResponseParser

ANSWER_LIMIT = 60.0
"""Seconds that the upstream may take to answer a copy."""
_READ = 64 * 1024


async def deliver(upstream: str, raw: bytes, method: str) -> int | None:
    """Send `raw` to `host:port` and read the answer; its status, None when the server closed without one.

    Raises OSError, and TimeoutError after ANSWER_LIMIT.
    """
    host, port = addresses.split(upstream)
    async with asyncio.timeout(ANSWER_LIMIT):
        reader, writer = await asyncio.open_connection(host or "localhost", port)
        try:
            writer.write(raw)
            await writer.drain()
            return await _status(reader, method)
        finally:
            writer.close()


async def _status(reader: asyncio.StreamReader, method: str) -> int | None:
    framer = Framer(ResponseParser, lambda head: response_body(head, method))
    status: int | None = None
    while data := await reader.read(_READ):
        for piece in framer.feed(data):
            if piece.kind is Kind.HEAD and piece.head is not None:
                status = piece.head.status
            elif piece.kind is Kind.END and status is not None and status >= 200:
                return status
    return status
