"""The log as a stream of server-sent events, resumable by Last-Event-ID (R12)."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

from flask import Blueprint, Response, request

from backend.generations import event_as_json
from backend.saga.errors import UnknownSaga
from backend.saga.ports import LoggedEvent, SagaLog
from service_kit import problems
from service_kit.app import caller
from service_kit.tokens import Caller

POLL = 0.2  # seconds between looks at the log
KEEP_ALIVE = 15.0  # seconds after which an idle stream sends a comment, so that a vanished reader is noticed
STREAM_LIMIT = 300.0  # seconds; then the reader reconnects where it was, and a thread is free again
BATCH = 500


def events_blueprint(saga_log: SagaLog) -> Blueprint:
    """/api/events"""
    routes = Blueprint("events", __name__)

    @routes.get("/api/events")
    def stream_events() -> Response:
        stream = _stream(saga_log, _resume_after(), caller())
        return Response(stream, content_type="text/event-stream", headers={"Cache-Control": "no-store"})

    return routes


def _resume_after() -> int:
    text = request.headers.get("Last-Event-ID") or request.args.get("after") or "0"
    if not text.isdecimal() or len(text) > 18:
        raise problems.InvalidRequest("a position in the log: a whole number", field="Last-Event-ID")
    return int(text)


def _stream(saga_log: SagaLog, position: int, who: Caller) -> Iterator[str]:
    started = last_sent = time.monotonic()
    yield "retry: 1000\n\n"
    while (now := time.monotonic()) < started + STREAM_LIMIT:
        entries = saga_log.all_events(position, BATCH)
        for entry in entries:
            position = entry.position
            if _visible(saga_log, entry, who):
                yield f"id: {position}\nevent: {entry.event.type}\ndata: {json.dumps(event_as_json(entry))}\n\n"
                last_sent = now
        if not entries:
            if now - last_sent > KEEP_ALIVE:
                yield ": still here\n\n"
                last_sent = now
            time.sleep(POLL)


def _visible(saga_log: SagaLog, entry: LoggedEvent, who: Caller) -> bool:
    if who.covers(""):  # the token is for all projects
        return True
    try:
        return who.covers(saga_log.get(entry.saga_id).project_id)
    except UnknownSaga:
        return False
