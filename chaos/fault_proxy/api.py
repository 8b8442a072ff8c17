"""The HTTP API as an ASGI application: Toxiproxy's routes, and /events and /capabilities beside them."""

import json
import logging
import re
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from prometheus_client import CollectorRegistry

from . import API_VERSION, VERSION, bodies, event_stream, metrics, toxics
from .errors import ApiError, BadRequest, TooLarge
from .proxies import PopulateFault, Proxies
from .toxics.http_fault import Action

log = logging.getLogger(__name__)

BODY_LIMIT = 16 * 1024 * 1024
JSON = "application/json"
PLAIN = "text/plain; charset=utf-8"

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]


@dataclass(frozen=True)
class Answer:
    """An HTTP answer: status, body and headers."""

    status: int
    body: bytes = b""
    type: str | None = JSON
    headers: dict[str, str] = field(default_factory=dict)


def json_answer(status: int, value: Any) -> Answer:
    return Answer(status, json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "replace"))


def error_answer(error: ApiError) -> Answer:
    """Toxiproxy sends errors as JSON typed text/plain; its clients do not look at the type."""
    body = json.dumps({"error": error.message, "status": error.status}, separators=(",", ":")) + "\n"
    return Answer(error.status, body.encode(), PLAIN, {"x-content-type-options": "nosniff"})


Handler = Callable[["Api", Any, tuple[str, ...]], Awaitable[Answer]]


class Api:
    """Finds the handler for a request and turns what it returns or raises into an answer."""

    def __init__(self, proxies: Proxies, registry: CollectorRegistry | None) -> None:
        self.proxies = proxies
        self.registry = registry

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        try:
            if (scope["method"], scope["path"]) == ("GET", "/events") and not _is_browser(scope):
                await event_stream.respond(self.proxies.ledger.events, scope, receive, send)
                return
            answer = await self._answer(scope, receive)
        except ApiError as error:
            answer = error_answer(error)
        except Exception:
            log.exception("request failed", extra={"path": scope["path"]})
            answer = error_answer(ApiError("internal error"))
        await _respond(send, answer)

    async def _answer(self, scope: Scope, receive: Receive) -> Answer:
        path: str = scope["path"]
        clean = re.sub("/{2,}", "/", path)
        if clean != path:
            return Answer(301, type=None, headers={"location": clean})
        found = _find(path)
        if found is None or (path == "/metrics" and self.registry is None):
            return Answer(404, b"404 page not found\n", PLAIN, {"x-content-type-options": "nosniff"})
        handlers, names = found
        handler = handlers.get(scope["method"])
        if handler is None:
            return Answer(405, type=None)
        try:
            answer = await (_refuse if _is_browser(scope) else handler)(self, await _body(receive), names)
        except ApiError as error:
            answer = error_answer(error)
        answer.headers["x-toxiproxy-request-id"] = secrets.token_hex(10)
        return answer


def _is_browser(scope: Scope) -> bool:
    """Browsers are refused, so that no web page can drive a proxy on the user's machine."""
    return any(name == b"user-agent" and value.startswith(b"Mozilla/") for name, value in scope["headers"])


async def _body(receive: Receive) -> bytes:
    body = bytearray()
    while True:
        message = await receive()
        body += message.get("body", b"")
        if len(body) > BODY_LIMIT:
            raise TooLarge(f"request body is over {BODY_LIMIT} bytes")
        if not message.get("more_body"):
            return bytes(body)


async def _respond(send: Send, answer: Answer) -> None:
    headers = [(name.encode(), value.encode()) for name, value in answer.headers.items()]
    if answer.type is not None:
        headers.append((b"content-type", answer.type.encode()))
    if answer.status != 204:
        headers.append((b"content-length", str(len(answer.body)).encode()))
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})


# --- handlers: one call of the API each --------------------------------------------------------------------------


async def _refuse(api: Api, body: bytes, names: tuple[str, ...]) -> Answer:
    return Answer(403, b"User agent not allowed\n", PLAIN, {"x-content-type-options": "nosniff"})


async def _version(api: Api, body: bytes, names: tuple[str, ...]) -> Answer:
    return Answer(200, f'{{"version": "{VERSION}"}}\n'.encode(), "application/json;charset=utf-8")


async def _capabilities(api: Api, body: bytes, names: tuple[str, ...]) -> Answer:
    """How a client finds out that this is not a plain Toxiproxy, where the path is a 404."""
    extensions = ["http_fault", "create_with_toxics", "events", "toxic_metrics", "seed"]
    return json_answer(
        200,
        {
            "server": "saga-testbed fault proxy",
            "toxiproxy_api": API_VERSION,
            "extensions": extensions,
            "toxics": toxics.names(),
            "http_fault_actions": list(Action),
            "seed": api.proxies.ledger.seed,
        },
    )


async def _list_proxies(api: Api, body: bytes, names: tuple[str, ...]) -> Answer:
    return json_answer(200, {proxy.name: proxy.to_json() for proxy in api.proxies.all()})


async def _create_proxy(api: Api, body: bytes, names: tuple[str, ...]) -> Answer:
    proxy = await api.proxies.create(bodies.decode(body))
    return json_answer(201, proxy.to_json())


async def _show_proxy(api: Api, body: bytes, names: tuple[str, ...]) -> Answer:
    return json_answer(200, api.proxies.get(names[0]).to_json())


async def _update_proxy(api: Api, body: bytes, names: tuple[str, ...]) -> Answer:
    api.proxies.get(names[0])
    proxy = await api.proxies.update(names[0], bodies.decode(body))
    return json_answer(200, proxy.to_json())


async def _delete_proxy(api: Api, body: bytes, names: tuple[str, ...]) -> Answer:
    await api.proxies.delete(names[0])
    return Answer(204, type=None)


async def _list_toxics(api: Api, body: bytes, names: tuple[str, ...]) -> Answer:
    return json_answer(200, [toxic.to_json() for toxic in api.proxies.get(names[0]).listed()])


async def _create_toxic(api: Api, body: bytes, names: tuple[str, ...]) -> Answer:
    toxic = await api.proxies.get(names[0]).add_toxic(bodies.decode(body))
    return json_answer(200, toxic.to_json())


async def _show_toxic(api: Api, body: bytes, names: tuple[str, ...]) -> Answer:
    return json_answer(200, api.proxies.get(names[0]).find(names[1]).to_json())


async def _update_toxic(api: Api, body: bytes, names: tuple[str, ...]) -> Answer:
    proxy = api.proxies.get(names[0])
    proxy.find(names[1])
    toxic = await proxy.update_toxic(names[1], bodies.decode(body))
    return json_answer(200, toxic.to_json())


async def _delete_toxic(api: Api, body: bytes, names: tuple[str, ...]) -> Answer:
    await api.proxies.get(names[0]).remove_toxic(names[1])
    return Answer(204, type=None)


async def _reset(api: Api, body: bytes, names: tuple[str, ...]) -> Answer:
    await api.proxies.reset()
    return Answer(204, type=None)


async def _populate(api: Api, body: bytes, names: tuple[str, ...]) -> Answer:
    try:
        done = await api.proxies.populate(bodies.decode(body))
    except BadRequest as error:
        return json_answer(error.status, {"error": error.message, "status": error.status, "proxies": None})
    except PopulateFault as fault:
        shown = [proxy.to_json() for proxy in fault.done] or None
        return json_answer(
            fault.error.status, {"error": fault.error.message, "status": fault.error.status, "proxies": shown}
        )
    return json_answer(201, {"proxies": [proxy.to_json() for proxy in done] or None})


async def _metrics(api: Api, body: bytes, names: tuple[str, ...]) -> Answer:
    content = metrics.render(api.registry) if api.registry is not None else b""
    return Answer(200, content, metrics.CONTENT_TYPE)


_ROUTES: list[tuple[re.Pattern[str], dict[str, Handler]]] = [
    (re.compile("/version"), {"GET": _version}),
    (re.compile("/capabilities"), {"GET": _capabilities}),
    (re.compile("/events"), {"GET": _refuse}),  # anybody but a browser is served by event_stream
    (re.compile("/proxies"), {"GET": _list_proxies, "POST": _create_proxy}),
    (
        re.compile("/proxies/([^/]+)"),
        {"GET": _show_proxy, "POST": _update_proxy, "PATCH": _update_proxy, "DELETE": _delete_proxy},
    ),
    (re.compile("/proxies/([^/]+)/toxics"), {"GET": _list_toxics, "POST": _create_toxic}),
    (
        re.compile("/proxies/([^/]+)/toxics/([^/]+)"),
        {"GET": _show_toxic, "POST": _update_toxic, "PATCH": _update_toxic, "DELETE": _delete_toxic},
    ),
    (re.compile("/reset"), {"POST": _reset}),
    (re.compile("/populate"), {"POST": _populate}),
    (re.compile("/metrics"), {"GET": _metrics}),
]


def _find(path: str) -> tuple[dict[str, Handler], tuple[str, ...]] | None:
    for pattern, handlers in _ROUTES:
        if match := pattern.fullmatch(path):
            return handlers, match.groups()
    return None
