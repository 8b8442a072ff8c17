"""http_fault: faults for single HTTP requests, which a TCP toxic cannot do.

It has no stage in the byte pipe: `http/gate.py` asks it about every request, `http/treatments.py` does what it says.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from enum import StrEnum
from typing import Any, Self

from .. import bodies
from ..errors import BadRequest
from .base import Behaviour, register

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")


class Action(StrEnum):
    """What happens to a request that the fault fires on."""

    DROP_REQUEST = "drop_request"
    """It is never delivered."""
    DROP_RESPONSE = "drop_response"
    """It is delivered and acted on; the answer is lost."""
    HOLD = "hold"
    """It is delivered `ms` later, even if the client has gone by then."""
    DUPLICATE = "duplicate"
    """It is delivered twice; the client gets the first answer."""
    STATUS = "status"
    """The proxy answers; with `deliver` the server has acted before that."""
    CUT = "cut"
    """The answer ends after `bytes` bytes of its body."""


class Then(StrEnum):
    """How the client learns that its answer does not come."""

    CLOSE = "close"
    """The connection is closed."""
    RESET = "reset"
    """The connection is reset."""
    SILENCE = "silence"
    """It does not: nothing comes any more on this connection."""


@dataclass(frozen=True)
class Match:
    """Which requests a fault is for; what is not given matches everything."""

    method: str | None = None
    path: re.Pattern[str] | None = None
    headers: tuple[tuple[str, re.Pattern[str]], ...] = ()

    @classmethod
    def from_json(cls, value: Any) -> Self:
        members = bodies.fields(value, "match")
        _only(members, {"method", "path", "headers"}, "match.")
        method = bodies.text(members, "method") or None
        path = _pattern(members["path"], "match.path") if "path" in members else None
        wanted = bodies.fields(members.get("headers", {}), "match.headers")
        headers = tuple((name, _pattern(item, f"match.headers.{name}")) for name, item in wanted.items())
        return cls(method.upper() if method else None, path, headers)

    def to_json(self) -> dict[str, Any]:
        headers = {name: pattern.pattern for name, pattern in self.headers}
        path = self.path.pattern if self.path else None
        return _known({"method": self.method, "path": path, "headers": headers or None})

    def accepts(self, method: str, target: str, header: Mapping[str, str]) -> bool:
        """`target` is path and query; `header` has lower-case names. Patterns are searched, not anchored."""
        if self.method is not None and self.method != method:
            return False
        if self.path is not None and not self.path.search(target):
            return False
        return all(name in header and pattern.search(header[name]) for name, pattern in self.headers)


@register("http_fault")
@dataclass(frozen=True)
class HttpFault(Behaviour):
    """Fires on the requests that `match`: on all of them, the `nth` only, or the `first` so many."""

    per_request = True

    action: Action = Action.DROP_RESPONSE
    match: Match = Match()
    nth: int | None = None
    first: int | None = None
    ms: int = 0
    status: int | None = None
    body: str | None = None
    headers: tuple[tuple[str, str], ...] = ()
    retry_after: int | None = None
    deliver: bool = False
    bytes: int = 0
    then: Then = Then.CLOSE

    @classmethod
    def from_json(cls, attributes: Mapping[str, Any], base: Self | None = None) -> Self:
        """Unlike the toxics of Toxiproxy, unknown attributes are refused: a typo must not be a fault that never fires.

        Raises BadRequest naming the attribute.
        """
        _only(attributes, {field.name for field in fields(cls)}, "")
        if base is None and "action" not in attributes:
            raise BadRequest.body(f"action is required: one of {_words(Action)}")
        given = {name: _READERS[name](attributes, name) for name in attributes}
        fault = replace(base or cls(), **given)
        if fault.nth is not None and fault.first is not None:
            raise BadRequest.body("nth and first exclude each other")
        if fault.action is Action.STATUS and fault.status is None:
            raise BadRequest.body("status is required with the action status")
        return fault

    def to_json(self) -> dict[str, Any]:
        shown = {field.name: getattr(self, field.name) for field in fields(self)}
        shown |= {"match": self.match.to_json(), "headers": dict(self.headers) or None}
        shown |= {name: str(shown[name]) for name in ("action", "then")}
        return _known(shown)

    def due(self, matches: int) -> bool:
        """Whether the match with this number (from 1) is one to fire on."""
        if self.nth is not None:
            return matches == self.nth
        return self.first is None or matches <= self.first


def _known(members: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value is not None}


def _words(choices: type[StrEnum]) -> str:
    return ", ".join(choices)


def _only(members: Mapping[str, Any], allowed: set[str], where: str) -> None:
    unknown = sorted(set(members) - allowed)
    if unknown:
        raise BadRequest.body(f"unknown attribute {where}{unknown[0]}; known are {', '.join(sorted(allowed))}")


def _pattern(value: Any, where: str) -> re.Pattern[str]:
    if not isinstance(value, str):
        raise BadRequest.body(f"{where} must be a regular expression, not {bodies.kind(value)}")
    try:
        return re.compile(value)
    except (re.error, RecursionError, OverflowError) as error:
        raise BadRequest.body(f"{where} is not a regular expression: {error}") from None


def _choice(choices: type[StrEnum], members: Mapping[str, Any], name: str) -> StrEnum:
    try:
        return choices(bodies.text(members, name))
    except ValueError:
        raise BadRequest.body(f"{name} must be one of {_words(choices)}") from None


def _status(members: Mapping[str, Any], name: str) -> int:
    status = bodies.integer(members, name, 0)
    if not 200 <= status <= 599:
        raise BadRequest.body(f"{name} must be between 200 and 599, not {status}")
    return status


def _body(members: Mapping[str, Any], name: str) -> str:
    value = members[name]
    return json.dumps(value) if isinstance(value, (dict, list)) else bodies.text(members, name)


def _headers(members: Mapping[str, Any], name: str) -> tuple[tuple[str, str], ...]:
    value = members[name]
    if not isinstance(value, Mapping):
        raise BadRequest.body(f"{name} must be an object, not {bodies.kind(value)}")
    for key, item in value.items():
        if not isinstance(item, str) or not _TOKEN.fullmatch(key) or not _VALUE.fullmatch(item):
            raise BadRequest.body(f"{name}.{key[:40]!r} is not a header with a one-line text value")
    return tuple(value.items())


_READERS: dict[str, Any] = {
    "action": lambda members, name: _choice(Action, members, name),
    "then": lambda members, name: _choice(Then, members, name),
    "match": lambda members, name: Match.from_json(members[name]),
    "nth": lambda members, name: bodies.integer(members, name, 1, least=1),
    "first": lambda members, name: bodies.integer(members, name, 1, least=1),
    "ms": lambda members, name: bodies.integer(members, name, 0, least=0),
    "status": _status,
    "body": _body,
    "headers": _headers,
    "retry_after": lambda members, name: bodies.integer(members, name, 0, least=0),
    "deliver": lambda members, name: bodies.flag(members, name, False),
    "bytes": lambda members, name: bodies.integer(members, name, 0, least=0),
}
