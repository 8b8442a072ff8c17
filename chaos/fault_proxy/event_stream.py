"""GET /events: a JSON list, or server-sent events when the client asks for text/event-stream."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qs

from .errors import BadRequest
from .events import EventLog

HEARTBEAT = 15.0
"""Seconds between comments on a silent stream, so that a vanished reader is noticed."""

Send = Callable[[dict[str, Any]], Awaitable[None]]
Receive = Callable[[], Awaitable[dict[str, Any]]]


async def respond(events: EventLog, scope: dict[str, Any], receive: Receive, send: Send) -> None:
    """Events after `?since=ID` (or the Last-Event-ID header), at most `?limit=N`. Raises BadRequest."""
    headers = dict(scope["headers"])
    query = parse_qs(scope["query_string"].decode("latin-1"), keep_blank_values=True)
    last = _number(headers.get(b"last-event-id", b"").decode("latin-1") or _first(query, "since", "0"), "since")
    if b"text/event-stream" in headers.get(b"accept", b""):
        await _stream(events, last, receive, send)
        return
    limit = _number(query["limit"][0], "limit") if "limit" in query else None
    body = json.dumps(events.since(last, limit), separators=(",", ":")).encode()
    await _start(send, b"application/json", (b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.body", "body": body})


async def _stream(events: EventLog, last: int, receive: Receive, send: Send) -> None:
    await _start(send, b"text/event-stream", (b"cache-control", b"no-store"))
    writer = asyncio.ensure_future(_write(events, last, send))
    gone = asyncio.ensure_future(_gone(receive))
    try:
        await asyncio.wait([writer, gone], return_when=asyncio.FIRST_COMPLETED)
    finally:
        writer.cancel()
        gone.cancel()


async def _write(events: EventLog, last: int, send: Send) -> None:
    async for event in events.follow(last, HEARTBEAT):
        text = ": still here\n\n" if event is None else f"id: {event['id']}\ndata: {json.dumps(event)}\n\n"
        await send({"type": "http.response.body", "body": text.encode(), "more_body": True})
    await send({"type": "http.response.body", "body": b""})


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _start(send: Send, content_type: bytes, *headers: tuple[bytes, bytes]) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", content_type), *headers]})


def _first(query: dict[str, list[str]], name: str, default: str) -> str:
    return query[name][0] if name in query else default


def _number(text: str, name: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise BadRequest(f"{name} must be a whole number")
    return int(text)
