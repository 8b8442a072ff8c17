"""How calls leave the backend, and the one function that says what an answer means (R2)."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from typing import Any

import requests
from requests.adapters import HTTPAdapter

from backend.saga.errors import Refused, Unclear
from backend.saga.outcomes import NO_ANSWER_IN_TIME
from service_kit import names

Headers = Mapping[str, str]
HeaderSource = Headers | Callable[[], Headers]
"""Headers for every call, or a function that makes them afresh (tokens expire)."""

POOL = 32  # kept-alive connections per participant
CONNECT_TIMEOUT = 3.0
# A definite no must say that nothing happened and nothing will. These 4xx say "not now" instead, so they are unclear.
_NOT_NOW = frozenset({408, 425, 429})
TEXT_LIMIT = 300  # characters of an error body worth keeping


class HttpLink:
    """Calls to one participant over pooled, kept-alive connections. It repeats nothing: retries belong to the saga.

    The one exception is a 401, which says that nothing happened: when ``headers`` is a function it is asked for a fresh
    token once (DESIGN section 5: a rollback outlives the first token).

    Args:
        base_url: the participant's address, with or without a path.
        session: shared or simulated; by default one with a pool of its own.
        timeout: seconds to wait for an answer.
    """

    def __init__(
        self,
        base_url: str,
        headers: HeaderSource,
        *,
        session: requests.Session | None = None,
        timeout: float = 10.0,
    ) -> None:
        self.base_url = base_url.rstrip("/")
        self.headers = headers
        self.session = session or pooled_session()
        self.timeout = timeout

    def send(
        self,
        method: str,
        path: str,
        *,
        json: object | None = None,
        headers: Headers | None = None,
        timeout: float | None = None,
    ) -> requests.Response:
        """Send one request. Raises requests.RequestException when no whole answer came."""
        response = self._send_once(method, path, json, headers, timeout)
        if response.status_code == 401 and callable(self.headers):
            response = self._send_once(method, path, json, headers, timeout)
        return response

    def call(
        self,
        method: str,
        path: str,
        *,
        json: object | None = None,
        headers: Headers | None = None,
        timeout: float | None = None,
    ) -> Any:
        """Send one request and return its JSON answer (None for an empty one).

        Raises:
            Refused: the participant said a definite no.
            Unclear: nobody knows.
        """
        try:
            response = self.send(method, path, json=json, headers=headers, timeout=timeout)
        except requests.RequestException as error:
            raise no_answer(method, path, error) from error
        return read_answer(response)

    def _send_once(
        self, method: str, path: str, json: object | None, headers: Headers | None, timeout: float | None
    ) -> requests.Response:
        own = self.headers() if callable(self.headers) else self.headers
        return self.session.request(
            method,
            self.base_url + path,
            json=json,
            headers={names.TRACEPARENT: new_traceparent(), **own, **(headers or {})},
            timeout=(CONNECT_TIMEOUT, timeout or self.timeout),
            allow_redirects=False,
        )


def pooled_session() -> requests.Session:
    """A session that keeps connections and never retries by itself: a hidden retry would hide an unclear outcome."""
    session = requests.Session()
    session.trust_env = False  # no proxy variables, no netrc: a token must reach the participant and nobody else
    adapter = HTTPAdapter(pool_connections=POOL, pool_maxsize=POOL, max_retries=0)
    session.mount("http://", adapter)
    session.mount("https://", adapter)
    return session


def read_answer(response: requests.Response) -> Any:
    """What a participant's answer means: its JSON, or Refused, or Unclear. The one place that decides (R2)."""
    status = response.status_code
    where = f"{response.request.method} {response.request.path_url}"
    if 200 <= status < 300:
        return _json_of(response, where)
    problem = f"{where}: {status} {_problem_of(response)}"
    if says_no(status):
        raise Refused(problem)
    raise Unclear(problem, _retry_after(response))


def says_no(status: int) -> bool:
    """Whether an answer of this HTTP status, if it says nothing more exact, is a definite no (R2)."""
    return 400 <= status < 500 and status not in _NOT_NOW


def no_answer(method: str, path: str, error: requests.RequestException) -> Unclear:
    """What a call without a whole answer comes to, in words without addresses."""
    return Unclear(f"{method} {path}: {_short(error)}")


def new_traceparent() -> str:
    """A W3C trace context for a call that starts a trace."""
    return f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-01"


def _json_of(response: requests.Response, where: str) -> Any:
    if response.status_code == 204 or not response.content:
        return None
    try:
        return response.json()
    except ValueError as error:
        raise Unclear(f"{where}: the answer is not JSON") from error


def _problem_of(response: requests.Response) -> str:
    """The problem's type and detail; never a whole body, which may hold what a log must not."""
    try:
        body = response.json()
        return f"{body['type']}: {body.get('detail', body.get('title', ''))}"[:TEXT_LIMIT]
    except (ValueError, KeyError, TypeError):
        return response.reason or ""


def _retry_after(response: requests.Response) -> float | None:
    try:
        return max(0.0, float(response.headers["Retry-After"]))
    except (KeyError, ValueError):  # absent, or a date: dates are for caches
        return None


def _short(error: requests.RequestException) -> str:
    """What happened, without the address and the object names that requests and urllib3 wrap around it."""
    if isinstance(error, requests.Timeout):
        return NO_ANSWER_IN_TIME
    root: BaseException = error
    while (cause := root.__cause__ or root.__context__) is not None:
        root = cause
    return str(root)[:TEXT_LIMIT]
