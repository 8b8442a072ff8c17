"""The OpenAPI page is true: schemathesis makes requests from it, and every answer is one that it documents."""

from __future__ import annotations

import io
import tempfile
from pathlib import Path

import requests
import schemathesis
from hypothesis import HealthCheck, settings
from requests.adapters import BaseAdapter
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance

from git_server.app import create_app
from git_server.settings import Settings
from tests.integration.git_support import KEYS, PROJECT, fake_filesystem, snap, token


def anywhere() -> dict[str, str]:
    return {"X-INTERNAL-TOKEN": token("*")}  # a fresh one each time: it lives for a minute


class NoFiles(BaseAdapter):
    """A filesystem_server that has no file, without a network."""

    def send(self, _: requests.PreparedRequest, **__: object) -> requests.Response:
        answer = requests.Response()
        answer.status_code, answer.raw = 404, io.BytesIO()
        return answer

    def close(self) -> None:
        pass


def page_of(data: Path, filesystem_url: str, session: requests.Session | None = None) -> schemathesis.BaseSchema:
    chosen = Settings(internal_token_keys=KEYS, data_dir=data, filesystem_url=filesystem_url)
    return schemathesis.openapi.from_wsgi("/openapi.json", create_app(chosen, session))


# schemathesis makes one test of each operation, so it wants the page when this module is collected.
_FOLDER = tempfile.TemporaryDirectory(prefix="git-openapi-")
_SESSION = requests.Session()
_SESSION.mount("http://", NoFiles())
schema = page_of(Path(_FOLDER.name), "http://files", _SESSION)


@schema.parametrize()
@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
def test_every_answer_is_documented(case: schemathesis.Case) -> None:
    # JSON Schema cannot say which file names clash or mean something to git, so some that fit it are refused.
    beyond_schema = [positive_data_acceptance] if case.operation.label == "POST /snapshot/{project_id}" else []
    # A parameter that a read does not know is left alone, as everywhere on the web.
    unknown = [negative_data_rejection] if case.method == "GET" else []
    case.call_and_validate(headers=anywhere(), excluded_checks=[*beyond_schema, *unknown])


def test_so_is_every_answer_of_a_whole_story(tmp_path: Path) -> None:
    project, saga = {"project_id": PROJECT}, {"saga_id": "s1"}
    one = project | {"snapshot_id": snap("s1")}
    with fake_filesystem() as files:
        page = page_of(tmp_path, files.url)
        body = {"saga_id": "s1", "message": "m", "files": files.put({"a/b": b"1"})}
        sent = {"body": body, "media_type": "application/json"}
        story = [
            ("/snapshot/{project_id}", "POST", project, sent, 201),
            ("/snapshot/{project_id}", "POST", project, sent | {"body": body | {"saga_id": "s2"}}, 409),
            ("/snapshot/{project_id}", "GET", project, {}, 200),
            ("/snapshot/{project_id}/{snapshot_id}", "GET", one, {}, 200),
            ("/saga/{saga_id}", "GET", saga, {}, 200),
            ("/saga/{saga_id}/confirm", "POST", saga, {}, 200),
            ("/snapshot/{project_id}/{snapshot_id}", "DELETE", one, {"headers": {"X-Saga-Id": "s1"}}, 409),
        ]
        for path, method, parameters, more, status in story:
            case = page[path][method].Case(path_parameters=parameters, **more)
            answer = case.call_and_validate(headers=anywhere())
            assert answer.status_code == status, answer.text
