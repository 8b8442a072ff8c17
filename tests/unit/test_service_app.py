"""What every service answers alike: problems, health, metrics; and what its log must never hold."""

from __future__ import annotations

import errno
import io
import json
import logging
import os
import sqlite3
from collections.abc import Iterator

import pytest
from flask import request
from flask.testing import FlaskClient
from flask_openapi3.openapi import OpenAPI
from pydantic import BaseModel
from werkzeug.test import TestResponse

from service_kit import problems
from service_kit.app import caller, create_service, require_project
from service_kit.logs import JsonFormatter, configure_logging
from service_kit.parameters import Parameters
from service_kit.tokens import KeyRing, TokenMinter, TokenVerifier

KEYS = KeyRing.parse("k1:" + "s" * 32)
TOKEN = TokenMinter(KEYS, "backend", lifetime=600).mint("user-1", "p")
SECRET = "what-a-page-says"


class Body(BaseModel):
    name: str
    count: int = 0


class Path(Parameters):
    project: str


class Query(Parameters):
    limit: int = 1


def away() -> None:
    raise ConnectionError(SECRET)


def make(max_body_bytes: int = 1000) -> OpenAPI:
    app = create_service(
        "test",
        version="1",
        description="",
        verifier=TokenVerifier(KEYS, ("backend",)),
        ready={"disk": lambda: None, "other": away},
        public_paths=["/open"],
        max_body_bytes=max_body_bytes,
    )

    @app.get("/open")
    def public() -> dict[str, str]:
        return {}

    @app.post("/things/<project>")
    def post(path: Path, body: Body) -> dict[str, str]:
        require_project(path.project)
        return {"user": caller().user, "name": body.name}

    @app.get("/things")
    def read(query: Query) -> dict[str, int]:
        return {"limit": query.limit}

    @app.get("/fails")
    def fail() -> dict[str, str]:
        raise {
            "defect": RuntimeError(SECRET),
            "refused": problems.Locked("held", holder="saga-1"),
            "busy": problems.Unavailable("busy", retry_after=0.2),
        }[request.args["how"]]

    @app.get("/disk")
    def disk() -> dict[str, str]:
        raise OSError(int(request.args["code"]), SECRET)

    @app.get("/database")
    def database() -> dict[str, str]:
        error = sqlite3.OperationalError(SECRET)
        error.sqlite_errorcode = getattr(sqlite3, request.args["code"])
        raise error

    return app


@pytest.fixture
def client() -> FlaskClient:
    return make().test_client()


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    """What the service writes to its JSON log."""
    said = io.StringIO()
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    monkeypatch.setenv("LOG_FORMAT", "json")
    configure_logging("test", logging.DEBUG)
    (handler,) = root.handlers
    assert isinstance(handler, logging.StreamHandler)
    handler.setStream(said)
    yield said
    root.handlers[:], root.level = handlers, level


def ask(client: FlaskClient, path: str, method: str = "GET", **sent: object) -> TestResponse:
    return client.open(path, method=method, headers={"X-INTERNAL-TOKEN": TOKEN}, **sent)  # type: ignore[arg-type]


def problem(answer: TestResponse, status: int, word: str) -> dict[str, object]:
    """The body, which is a problem as RFC 9457 has it."""
    assert (answer.status_code, answer.content_type) == (status, "application/problem+json"), answer.text
    found: dict[str, object] = answer.get_json()
    assert (found["type"], found["status"]) == (word, status)
    assert found["title"] and "Traceback" not in answer.text and SECRET not in answer.text
    return found


def test_a_good_call_knows_its_caller(client: FlaskClient) -> None:
    answer = ask(client, "/things/p", "POST", json={"name": "n"})
    assert (answer.status_code, answer.get_json()) == (200, {"user": "user-1", "name": "n"})


def test_a_call_without_or_outside_its_token_is_401_and_403(client: FlaskClient) -> None:
    problem(client.post("/things/p", json={"name": "n"}), 401, "unauthorized")
    problem(client.get("/nowhere"), 401, "unauthorized")
    problem(ask(client, "/things/other", "POST", json={"name": "n"}), 403, "forbidden")
    assert client.get("/open").status_code == 200


@pytest.mark.parametrize("path", ["/openx", "/open/", "/docsx", "/docs/../things", "//open", "/healthz/../things"])
def test_what_is_public_is_public_by_its_exact_address(client: FlaskClient, path: str) -> None:
    assert client.get(path).status_code in (401, 404)
    assert client.get(path, query_string={"limit": "3"}).get_json().get("limit") is None


def test_wrong_fields_are_named(client: FlaskClient) -> None:
    found = problem(ask(client, "/things/p", "POST", json={"count": "many"}), 400, "invalid-request")
    assert isinstance(found["errors"], list)
    assert [row["field"] for row in found["errors"]] == ["name", "count"]
    found = problem(ask(client, "/things?limit=x"), 400, "invalid-request")
    assert found["errors"] == [{"field": "limit", "reason": found["errors"][0]["reason"]}]


def test_a_refused_value_is_not_repeated(client: FlaskClient) -> None:
    problem(ask(client, "/things/p", "POST", json={"name": [SECRET], "count": SECRET}), 400, "invalid-request")


def test_what_flask_refuses_is_a_problem_too(client: FlaskClient) -> None:
    problem(ask(client, "/nowhere"), 404, "not-found")
    refused = ask(client, "/things/p", "PUT")
    problem(refused, 405, "method-not-allowed")
    assert refused.headers["Allow"] == "OPTIONS, POST"
    problem(ask(client, "/things/p", "POST", data="x" * 1001, content_type="application/json"), 413, "too-large")
    problem(ask(client, "/things/p", "POST", data="{}", content_type="text/plain"), 415, "unsupported-media-type")


def test_a_body_as_large_as_allowed_is_read(client: FlaskClient) -> None:
    rest = len(json.dumps({"name": ""}))
    assert ask(client, "/things/p", "POST", json={"name": "x" * (1000 - rest)}).status_code == 200


def test_a_defect_is_a_500_that_says_nothing(client: FlaskClient, log: io.StringIO) -> None:
    problem(ask(client, "/fails?how=defect"), 500, "internal-error")
    (line,) = map(json.loads, log.getvalue().splitlines())
    assert line["level"] == "error" and "RuntimeError" in line["exception"]


def test_a_problem_brings_its_members_and_when_to_come_back(client: FlaskClient) -> None:
    assert problem(ask(client, "/fails?how=refused"), 409, "locked")["holder"] == "saga-1"
    busy = ask(client, "/fails?how=busy")
    problem(busy, 503, "unavailable")
    assert busy.headers["Retry-After"] == "1"


@pytest.mark.parametrize(
    ("code", "status", "word"),
    [
        ("ENOSPC", 507, "storage-full"),
        ("EDQUOT", 507, "storage-full"),
        ("EFBIG", 507, "storage-full"),
        ("EROFS", 503, "unavailable"),
        ("EACCES", 503, "unavailable"),
        ("EMFILE", 503, "unavailable"),
        ("ENFILE", 503, "unavailable"),
        ("EIO", 503, "unavailable"),
        ("EINVAL", 500, "internal-error"),
    ],
)
def test_a_machine_in_trouble_is_told_apart_from_a_defect(
    client: FlaskClient, code: str, status: int, word: str
) -> None:
    problem(ask(client, f"/disk?code={getattr(errno, code)}"), status, word)
    assert os.strerror(getattr(errno, code))  # the name exists on this machine


@pytest.mark.parametrize(
    ("code", "status", "word"),
    [
        ("SQLITE_FULL", 507, "storage-full"),
        ("SQLITE_BUSY", 503, "unavailable"),
        ("SQLITE_IOERR_READ", 503, "unavailable"),
        ("SQLITE_CANTOPEN", 503, "unavailable"),
        ("SQLITE_ERROR", 500, "internal-error"),
    ],
)
def test_so_is_a_database_in_trouble_whoever_reads_it(client: FlaskClient, code: str, status: int, word: str) -> None:
    problem(ask(client, f"/database?code={code}"), status, word)


def test_health_and_readiness_need_no_token_and_name_what_is_away(client: FlaskClient) -> None:
    assert client.get("/healthz").get_json() == {"status": "alive"}
    ready = client.get("/readyz")
    assert (ready.status_code, ready.get_json()) == (503, {"status": "not ready", "away": {"other": "ConnectionError"}})


def test_metrics_count_by_route_and_never_by_address(client: FlaskClient) -> None:
    for project in ("p", "q"):
        ask(client, f"/things/{project}", "POST", json={"name": "n"})
    ask(client, f"/{SECRET}")
    text = client.get("/metrics").text
    counted = 'http_requests_total{method="POST",route="/things/<project>",service="test",status="%d"} 1.0'
    assert counted % 200 in text and counted % 403 in text
    assert 'route="unmatched"' in text and SECRET not in text
    assert 'http_request_seconds_count{route="/things/<project>",service="test"} 2.0' in text


def test_the_page_describes_the_routes_and_their_problems(client: FlaskClient) -> None:
    page = client.get("/openapi.json").get_json()
    assert set(page["paths"]) == {"/open", "/things/{project}", "/things", "/fails", "/disk", "/database"}
    assert "application/problem+json" in page["paths"]["/things"]["get"]["responses"]["400"]["content"]


def test_two_apps_in_one_process_count_for_themselves() -> None:
    one, other = make().test_client(), make().test_client()
    one.get("/healthz")
    assert 'route="/healthz"' not in other.get("/metrics").text


def test_the_log_holds_neither_token_nor_body(client: FlaskClient, log: io.StringIO) -> None:
    for path in ("/fails?how=defect", f"/disk?code={errno.ENOSPC}", "/fails?how=refused", "/nowhere"):
        ask(client, path, json={"name": "page-content"})
    ask(client, "/things/p", "POST", json={"name": ["page-content"]})
    ask(client, "/things/p", "POST", data="page-content", content_type="application/json")
    client.get("/things", headers={"X-INTERNAL-TOKEN": TOKEN + "x"})
    lines = [json.loads(line) for line in log.getvalue().splitlines()]
    assert len(lines) >= 2
    assert all(word not in log.getvalue() for word in (*TOKEN.split(".")[1:], "page-content"))


def test_a_log_line_is_an_event_with_the_fields_that_it_carries() -> None:
    record = logging.makeLogRecord({"name": "n", "levelno": 20, "levelname": "INFO", "msg": "saved %d", "args": (3,)})
    record.saga_id, record.step, record.unknown = "saga-ü", "Save files", "left out"
    line = json.loads(JsonFormatter("test").format(record))
    assert line.pop("time")
    assert line == {
        "level": "info",
        "service": "test",
        "logger": "n",
        "message": "saved 3",
        "saga_id": "saga-ü",
        "step": "Save files",
    }
