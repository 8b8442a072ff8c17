"""The HTTP face of every participant here: token, parsing, statuses. The package's docstring has the protocol."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

from flask import Flask, Request, Response, jsonify, request

from service_kit.tokens import KeyRing, TokenMinter, TokenRefused, TokenVerifier

PROJECT = "gallery"
SECRET = "not-a-secret-but-32-bytes-long-0123"  # noqa: S105 - of servers that are wrong on purpose
KEYS = KeyRing.parse(f"gallery:{SECRET}")
ISSUERS = ("backend", "testbed", "gallery")
Row = dict[str, Any]


class Refused(Exception):
    """A definite no: a status and a word for it."""

    def __init__(self, status: int, word: str) -> None:
        super().__init__(word)
        self.status, self.word = status, word


@dataclass(frozen=True)
class Step:
    """One saga's work on one item."""

    saga_id: str
    item: str


class Service(ABC):
    """The four calls, and the door before them. Every method may raise Refused."""

    @abstractmethod
    def act(self, step: Step, value: str) -> Row: ...

    @abstractmethod
    def undo(self, step: Step) -> None: ...

    @abstractmethod
    def confirm(self, saga_id: str) -> list[str]: ...

    @abstractmethod
    def read(self, item: str) -> Row | None: ...

    def admit(self, sent: Request) -> None:
        """Check the token: 401, or 403 for a good one of another project."""
        try:
            caller = TokenVerifier(KEYS, ISSUERS).verify(sent.headers.get("X-INTERNAL-TOKEN", ""))
        except TokenRefused:
            raise Refused(401, "unauthorized") from None
        if not caller.covers(PROJECT):
            raise Refused(403, "forbidden")

    def parse(self, sent: Request, item: str) -> tuple[Step, str]:
        """What the action asks for."""
        try:
            body = json.loads(sent.get_data().decode())
        except (ValueError, RecursionError):
            raise Refused(400, "invalid-request") from None
        if not isinstance(body, dict):
            raise Refused(400, "invalid-request")
        return Step(self.text(body.get("saga_id")), self.text(item)), self.text(body.get("value"))

    def text(self, value: object) -> str:
        """A text that can be stored and sent back."""
        if not isinstance(value, str) or not value or not value.isprintable():
            raise Refused(400, "invalid-request")
        return value


def install(service: Service) -> Flask:
    """The WSGI application of a service."""
    app = Flask("participant")

    @app.before_request
    def check_token() -> None:
        service.admit(request)

    @app.post("/items/<item>")
    def act(item: str) -> tuple[Response, int]:
        return jsonify(service.act(*service.parse(request, item))), 201

    @app.delete("/items/<item>")
    def undo(item: str) -> tuple[str, int]:
        service.undo(Step(service.text(request.headers.get("X-Saga-Id")), service.text(item)))
        return "", 204

    @app.post("/saga/<saga_id>/confirm")
    def confirm(saga_id: str) -> Response:
        return jsonify(saga_id=saga_id, confirmed=service.confirm(saga_id))

    @app.get("/items/<item>")
    def read(item: str) -> Response:
        found = service.read(item)
        if found is None:
            raise Refused(404, "not-found")
        return jsonify(found)

    @app.errorhandler(Refused)
    def refused(refusal: Refused) -> tuple[Response, int]:
        body = {"type": refusal.word, "title": refusal.word.replace("-", " "), "status": refusal.status}
        return jsonify(body), refusal.status

    return app


def token(project: str = PROJECT) -> str:
    """A token that these servers take, if the project is theirs; good for 10 minutes."""
    return TokenMinter(KEYS, "gallery", lifetime=600).mint("gallery", project)
