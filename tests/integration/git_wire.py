"""git_server in this process, through Flask's test client, with the calls that the tests make."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import requests
from flask.testing import FlaskClient
from requests.adapters import BaseAdapter
from werkzeug.test import TestResponse

from git_server.app import create_app
from git_server.settings import Settings
from tests.integration.git_model import Answer, Wanted
from tests.integration.git_support import KEYS, snap, token


@dataclass
class GitWire:
    """Calls as a coordinator makes them; files are read through ``files``."""

    client: FlaskClient
    data: Path
    files: BaseAdapter
    project: str

    @classmethod
    def of(cls, data: Path, files: BaseAdapter, project: str) -> GitWire:
        session = requests.Session()
        session.mount("http://", files)
        chosen = Settings(internal_token_keys=KEYS, data_dir=data, filesystem_url="http://files", prune_grace=0)
        return cls(create_app(chosen, session).test_client(), data, files, project)

    def again(self) -> GitWire:
        """A new process on the same folder."""
        return self.of(self.data, self.files, self.project)

    def call(self, method: str, path: str, saga_id: str | None = None, body: object = None) -> TestResponse:
        sent = {"X-INTERNAL-TOKEN": token(self.project)} | ({"X-Saga-Id": saga_id} if saga_id else {})
        data = None if body is None else json.dumps(body)
        return self.client.open(path, method=method, headers=sent, data=data, content_type="application/json")

    def snapshot(self, saga_id: str, asked: Wanted) -> TestResponse:
        body = {"saga_id": saga_id, "message": "m", "files": dict(asked)}
        return self.call("POST", f"/snapshot/{self.project}", saga_id, body)

    def undo(self, saga_id: str) -> TestResponse:
        return self.call("DELETE", f"/snapshot/{self.project}/{snap(saga_id)}", saga_id)

    def confirm(self, saga_id: str) -> TestResponse:
        return self.call("POST", f"/saga/{saga_id}/confirm")

    def report(self, saga_id: str) -> TestResponse:
        return self.call("GET", f"/saga/{saga_id}")

    def listing(self) -> TestResponse:
        return self.call("GET", f"/snapshot/{self.project}")


def answer_of(response: TestResponse) -> Answer:
    """The response as the model has it."""
    if response.status_code >= 400:
        return response.status_code, response.get_json()["type"]
    return response.status_code, response.get_json() if response.status_code == 201 else None
