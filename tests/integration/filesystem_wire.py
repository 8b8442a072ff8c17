"""filesystem_server in this process, through Flask's test client, with the calls that the tests make."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from pydantic import SecretStr
from werkzeug.test import TestResponse

from filesystem_server.app import Settings, create_app
from filesystem_server.store import Store
from tests.integration.filesystem_model import Answer, Request
from tests.integration.filesystem_story import P
from tests.integration.filesystem_support import KEYS, headers


def sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


@dataclass
class Wire:
    """Calls as a coordinator makes them."""

    app: Flask
    client: FlaskClient
    data: Path
    project: str = P

    @classmethod
    def of(cls, data: Path) -> Wire:
        app = create_app(Settings(internal_token_keys=SecretStr(KEYS), data_dir=data))
        return cls(app, app.test_client(), data)

    @property
    def store(self) -> Store:
        found: Store = self.app.extensions["store"]
        return found

    def call(
        self, method: str, path: str, saga_id: str | None = None, key: str | None = None, **options: Any
    ) -> TestResponse:
        sent = {**headers(self.project, saga_id, key), **options.pop("headers", {})}
        return self.client.open(path, method=method, headers=sent, **options)

    def save(self, name: str, content: str, saga_id: str | None = None, key: str | None = None) -> TestResponse:
        body = {"project_id": self.project, "filename": name, "content": content}
        return self.call("POST", "/save_file", saga_id, key, json=body)

    def batch(self, files: Mapping[str, str], saga_id: str | None, key: str | None = None) -> TestResponse:
        rows = [{"filename": name, "content": content} for name, content in files.items()]
        return self.call("POST", f"/files/{self.project}", key=key, json={"saga_id": saga_id, "files": rows})

    def read(self, name: str, **options: Any) -> TestResponse:
        return self.call("GET", f"/file/{self.project}/{name}", **options)

    def undo(self, name: str, saga_id: str) -> TestResponse:
        return self.call("DELETE", f"/file/{self.project}/{name}", saga_id)

    def undo_all(self, saga_id: str) -> TestResponse:
        return self.call("DELETE", f"/files/{self.project}", saga_id)

    def delete(self, name: str, key: str | None = None) -> TestResponse:
        return self.call("DELETE", f"/file/{self.project}/{name}", key=key)

    def confirm(self, saga_id: str) -> TestResponse:
        return self.call("POST", f"/saga/{saga_id}/confirm")

    def report(self, saga_id: str) -> TestResponse:
        return self.call("GET", f"/saga/{saga_id}")

    def listing(self) -> dict[str, dict[str, Any]]:
        return {row["filename"]: row for row in self.call("GET", f"/files/{self.project}").get_json()["files"]}


def send(wire: Wire, request: Request) -> Answer:
    """Make the call; its answer as the model has it."""
    saga, key = request.saga or "", request.key
    name, content = request.files[0] if request.files else ("", "")
    answer = {
        "save": lambda: wire.save(name, content, saga, key),
        "batch": lambda: wire.batch(dict(request.files), saga, key),
        "undo": lambda: wire.undo(name, saga),
        "undo_all": lambda: wire.undo_all(saga),
        "confirm": lambda: wire.confirm(saga),
        "plain_save": lambda: wire.save(name, content, None, key),
        "plain_delete": lambda: wire.delete(name, key),
    }[request.kind]()
    if answer.status_code != 201:
        return answer.status_code, answer.get_json()["type"] if answer.status_code >= 400 else None
    body = answer.get_json()
    rows = body["files"] if request.kind == "batch" else [body]
    return 201, [{key: value for key, value in row.items() if key != "project_id"} for row in rows]
