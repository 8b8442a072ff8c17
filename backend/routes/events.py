"""The log as a stream of server-sent events, resumable by Last-Event-ID (R12)."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress

from flask import Blueprint, Response, request

from backend.generations import event_as_json
from backend.outage import LOG_IS_AWAY
from backend.saga.errors import UnknownSaga
from backend.saga.ports import LoggedEvent, SagaLog
from service_kit import problems
from service_kit.app import caller
from service_kit.tokens import Caller

POLL = 0.2  # seconds between looks at the log
KEEP_ALIVE = 15.0  # seconds after which an idle stream sends a comment, so that its reader knows it is alive
STREAM_LIMIT = 300.0  # seconds; then the reader reconnects where it was, and a thread is free again
MAX_READERS = 4  # streams of one process; each holds one of its 8 threads, and the API needs some
BATCH = 500
LATEST = "latest"


def events_blueprint(saga_log: SagaLog) -> Blueprint:
    """/api/events"""
    routes = Blueprint("events", __name__)
    free = threading.BoundedSemaphore(MAX_READERS)

    @routes.get("/api/events")
    def stream_events() -> Response:
        position = _resume_after(saga_log)
        if not free.acquire(blocking=False):
            raise problems.Unavailable(f"{MAX_READERS} others read the stream already", retry_after=5)
        blocks = _until_the_log_is_away(_stream(saga_log, position, caller(), _connection()))
        response = Response(blocks, content_type="text/event-stream")
        response.headers["Cache-Control"] = "no-store"
        response.call_on_close(free.release)
        return response

    return routes


def _resume_after(saga_log: SagaLog) -> int:
    text = request.headers.get("Last-Event-ID") or request.args.get("after") or "0"
    if text == LATEST:
        return saga_log.last_position()
    if not text.isdecimal() or len(text) > 18:
        raise problems.InvalidRequest(f"a position in the log: a whole number, or {LATEST!r}", field="Last-Event-ID")
    return int(text)


def _until_the_log_is_away(blocks: Iterator[str]) -> Iterator[str]:
    """Whose stream ends comes back, and is answered 503 for as long as the log is away."""
    with suppress(*LOG_IS_AWAY):
        yield from blocks


def _stream(saga_log: SagaLog, position: int, who: Caller, client: socket.socket | None) -> Iterator[str]:
    started = last_sent = time.monotonic()
    yield f"retry: 1000\nid: {position}\n\n"  # an id without data: where to resume, should nothing else come
    while (now := time.monotonic()) < started + STREAM_LIMIT:
        entries = saga_log.all_events(position, BATCH)
        for entry in entries:
            position = entry.position
            if _visible(saga_log, entry, who):
                yield f"id: {position}\nevent: {entry.event.type}\ndata: {json.dumps(event_as_json(entry))}\n\n"
                last_sent = now
        if not entries:
            if _has_left(client):
                return
            if now - last_sent > KEEP_ALIVE:
                yield ": still here\n\n"
                last_sent = now
            time.sleep(POLL)


def _connection() -> socket.socket | None:
    """The reader's connection, where the server shows it."""
    found: socket.socket | None = request.environ.get("gunicorn.socket")
    return found


def _has_left(client: socket.socket | None) -> bool:
    """Whether the reader closed its connection: writing would tell only much later, and its thread is wanted."""
    if client is None:
        return False
    try:
        return client.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True


def _visible(saga_log: SagaLog, entry: LoggedEvent, who: Caller) -> bool:
    if who.covers(""):  # the token is for all projects
        return True
    try:
        return who.covers(saga_log.get(entry.saga_id).project_id)
    except UnknownSaga:
        return False
