"""What crosses the simulated network: requests, answers, and the lack of one."""

from __future__ import annotations

import json as jsons
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.structures import CaseInsensitiveDict

from service_kit import names

_KEPT = {"content-type", "etag", "retry-after", "x-saga-pending", "location"}
_OF_NO_ACCOUNT = {names.TRACEPARENT.lower(), "accept-encoding", "connection", "user-agent", "accept"}
TOKEN = names.INTERNAL_TOKEN.lower()


@dataclass(frozen=True)
class Request:
    """One HTTP request.

    Attributes:
        headers: lower-case names.
        path: with the query.
    """

    method: str
    path: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    @cached_property
    def key(self) -> tuple[object, ...]:
        """What a participant can tell this request by: two with the same key get the same answer in the same state.

        Left out is what differs between runs and decides nothing: the trace id, and the token's bytes. A token is what
        ``token`` calls it.
        """
        kept = tuple(sorted((k, v) for k, v in self.headers.items() if k not in _OF_NO_ACCOUNT and k != TOKEN))
        return self.method, self.path, kept, self.body, self.token

    @property
    def token(self) -> str:
        """Who the request says it comes from, in a word: see ``Tokens``."""
        return self.headers.get("x-simulated-token", "none" if TOKEN not in self.headers else "own")

    @property
    def saga_id(self) -> str | None:
        return self.headers.get(names.SAGA_ID.lower())

    def json(self) -> Any:
        """The body as JSON; None when it is none."""
        try:
            return jsons.loads(self.body)
        except ValueError:
            return None

    def with_headers(self, **headers: str) -> Request:
        """The same request with other headers (``_`` stands for ``-``)."""
        changed = {name.replace("_", "-"): value for name, value in headers.items()}
        return Request(self.method, self.path, {**self.headers, **changed}, self.body)


@dataclass(frozen=True)
class Answer:
    """One HTTP answer; ``headers`` only those that a caller may act on."""

    status: int
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of(cls, status: int, headers: Mapping[str, str], body: bytes) -> Answer:
        kept = tuple(sorted((k.lower(), v) for k, v in headers.items() if k.lower() in _KEPT))
        return cls(status, body, kept)

    @classmethod
    def problem(cls, status: int, word: str, detail: str) -> Answer:
        """An RFC 9457 problem."""
        body = jsons.dumps({"type": word, "title": word, "status": status, "detail": detail}).encode()
        return cls(status, body, (("content-type", "application/problem+json"),))

    @property
    def problem_word(self) -> str:
        """The problem's type, a stable word; empty where there is none."""
        try:
            return str(jsons.loads(self.body)["type"]) if self.status >= 400 else ""
        except (ValueError, KeyError, TypeError):
            return ""


class NoAnswer(Exception):
    """No whole answer came. ``how``: ``timeout``, ``reset`` or ``cut``."""

    def __init__(self, how: str) -> None:
        super().__init__(how)
        self.how = how


Ask = Callable[[str, Request, float], Answer]
"""Send a request to the participant at this address, with a timeout in seconds; raises NoAnswer."""


class SimulatedSession(requests.Session):
    """A session whose requests cross the simulated network instead of a socket."""

    def __init__(self, ask: Ask) -> None:
        super().__init__()
        self.ask = ask

    def request(self, method: str, url: str, **given: Any) -> requests.Response:  # type: ignore[override]
        """As ``requests.Session.request``; takes ``json``, ``data``, ``headers`` and ``timeout``."""
        request = as_request(method, str(url), self.headers, given)
        try:
            answer = self.ask(address_of(str(url)), request, seconds_of(given.get("timeout")))
        except NoAnswer as none:
            raise _as_requests_says(none) from none
        return response_of(request, answer, str(url))


def as_request(method: str, url: str, own: Mapping[str, str | bytes], given: Mapping[str, Any]) -> Request:
    """What ``requests.Session.request(method, url, **given)`` sends, with the session's ``own`` headers."""
    parts = urlsplit(url)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    headers = {name.lower(): value for name, value in {**own, **(given.get("headers") or {})}.items()}
    body = given.get("data") or b""
    if given.get("json") is not None:
        body = jsons.dumps(given["json"])
        headers["content-type"] = "application/json"
    return Request(method.upper(), path, headers, body.encode() if isinstance(body, str) else body)


def address_of(url: str) -> str:
    """Where it leads: scheme and host."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def response_of(request: Request, answer: Answer, url: str = "") -> requests.Response:
    """The answer as ``requests`` would hand it over."""
    response = requests.Response()
    response.status_code = answer.status
    response.headers = CaseInsensitiveDict(answer.headers)
    response.url, response.encoding = url, "utf-8"
    response._content = answer.body
    response._content_consumed = True  # type: ignore[attr-defined]
    response.request = SimpleNamespace(method=request.method, path_url=request.path, url=url)  # type: ignore[assignment]
    return response


def seconds_of(timeout: Any) -> float:
    """How long a caller waits for an answer that gave this ``timeout`` to ``requests``."""
    if isinstance(timeout, tuple):
        timeout = timeout[1]
    return 60.0 if timeout is None else float(timeout)


def _as_requests_says(none: NoAnswer) -> requests.RequestException:
    if none.how == "timeout":
        return requests.ReadTimeout("no answer in time")
    if none.how == "cut":
        return requests.exceptions.ChunkedEncodingError("the answer was cut")
    return requests.ConnectionError("the connection was reset")
