"""The backend's application on a log in memory, called without a socket."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask import Flask
from flask.testing import FlaskClient

from backend.app import create_app
from backend.saga.ports import SagaLog
from backend.saga_log import MemorySagaLog
from backend.settings import Settings
from service_kit.tokens import USER, KeyRing, TokenMinter

KEYS = "k1:" + "u" * 40
INTERNAL_KEYS = "k1:" + "i" * 40
NOWHERE = "http://127.0.0.1:9"


def user_token(project: str = "*", user: str = "ada", **more: Any) -> str:
    """A user's bearer token; ``more`` may name another issuer, keys or lifetime."""
    keys, issuer = more.pop("keys", KEYS), more.pop("issuer", "testbed")
    return TokenMinter(KeyRing.parse(keys), issuer, more.pop("audience", USER), **more).mint(user, project)


@dataclass(frozen=True)
class Backend:
    """The application, its log, and calls with a token for all projects unless another one is given."""

    app: Flask
    client: FlaskClient
    log: SagaLog

    def call(self, method: str, path: str, token: str | None = None, headers: Any = None, **more: Any) -> Any:
        bearer = {"Authorization": f"Bearer {token or user_token()}"}
        return self.client.open(path, method=method, headers=bearer | (headers or {}), **more)

    def get(self, path: str, **more: Any) -> Any:
        return self.call("GET", path, **more)

    def post(self, path: str, body: Any = None, **more: Any) -> Any:
        sent = {} if body is None else {"json": body}
        return self.call("POST", path, **sent, **more)


def client_of(log: SagaLog | None = None) -> Backend:
    """A backend; its participants are away."""
    log = log or MemorySagaLog()
    services = dict.fromkeys(("filesystem_url", "git_url", "chroma_url", "neo4j_url"), NOWHERE)
    settings = Settings(internal_token_keys=INTERNAL_KEYS, user_token_keys=KEYS, saga_log_url="memory:", **services)
    app = create_app(settings, log)
    return Backend(app, app.test_client(), log)
