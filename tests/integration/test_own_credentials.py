"""Real servers with authentication of their own: the backend brings what they ask for, and so does the auditor."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import requests
from flask import Flask, Response, request

import neo4j_stub.app
from backend.clients.chroma import StoredDocument
from backend.clients.neo4j_statements import Relationship
from backend.composition import Clients
from backend.saga.errors import Refused
from backend.settings import Settings
from chaos.auditor.audit import audit
from tests.contract.stub_process import KEYS, internal_token
from tests.integration.auditor_system import System, running, serving

TOKEN, USER, PASSWORD = "a-token-of-chroma", "ada", "p@ss:wörd/"
P = "org/repo"
TIMEOUT = 20.0


@dataclass
class Gateway:
    """What stands before a hosted Chroma: it checks Chroma's token, and its upstream knows nothing of ours."""

    upstream: str
    app: Flask = field(default_factory=lambda: Flask("gateway"))
    refused: int = 0

    def __post_init__(self) -> None:
        self.app.add_url_rule("/<path:path>", view_func=self.forward, methods=["GET", "POST", "PUT", "DELETE"])

    def forward(self, path: str) -> Response:
        if request.headers.get("x-chroma-token") != TOKEN:
            self.refused += 1
            return Response('{"error": "AuthError", "message": "no"}', 401, content_type="application/json")
        answer = requests.request(
            request.method,
            f"{self.upstream}/{path}",
            data=request.get_data(),
            headers={"X-INTERNAL-TOKEN": internal_token(), "Content-Type": "application/json"},
            timeout=TIMEOUT,
        )
        return Response(answer.content, answer.status_code, content_type=answer.headers.get("Content-Type"))


@pytest.fixture
def system(tmp_path: Path) -> Iterator[System]:
    with running(tmp_path) as found:
        yield found


@pytest.fixture
def gateway(system: System) -> Iterator[tuple[Gateway, str]]:
    found = Gateway(system.chroma)
    with serving(found.app) as url:
        yield found, url


@contextmanager
def locked_graph(folder: Path) -> Iterator[str]:
    """A Neo4j that takes Basic credentials, and no token of ours: its keys are others."""
    settings = neo4j_stub.app.Settings(
        internal_token_keys="k9:" + "z" * 40, data_dir=folder, neo4j_user=USER, neo4j_password=PASSWORD
    )
    app = neo4j_stub.app.create_app(settings)

    def without_our_token(environ: dict[str, object], start: object) -> object:
        environ.pop("HTTP_X_INTERNAL_TOKEN", None)  # as real Neo4j, which does not know that header
        return wsgi(environ, start)

    wsgi, app.wsgi_app = app.wsgi_app, without_our_token  # type: ignore[method-assign]
    with serving(app) as url:
        yield url
    app.extensions["close"]()


def clients(chroma: str, neo4j: str, **more: str) -> Clients:
    urls = {"filesystem_url": "http://127.0.0.1:9", "git_url": "http://127.0.0.1:9"}
    return Clients(
        Settings(
            internal_token_keys=KEYS,  # type: ignore[arg-type]
            user_token_keys=KEYS,  # type: ignore[arg-type]
            saga_log_url="memory:",
            chroma_url=chroma,
            neo4j_url=neo4j,
            **urls,
            **more,  # type: ignore[arg-type]
        )
    )


def test_the_backend_passes_chromas_token_along(gateway: tuple[Gateway, str]) -> None:
    found, url = gateway
    documents = [StoredDocument("a.md", "# A\n", {"title": "A"})]
    own = clients(url, "http://127.0.0.1:9", chroma_token=TOKEN).documents("u", P)
    assert own.add(P, documents) == 1
    assert own.fetch(P) == documents
    assert found.refused == 0
    with pytest.raises(Refused, match="401"):
        clients(url, "http://127.0.0.1:9").documents("u", P).fetch(P)
    assert found.refused > 0


def test_the_backend_and_the_auditor_bring_basic_credentials(system: System, tmp_path: Path) -> None:
    with locked_graph(tmp_path / "locked") as url:
        graph = clients("http://127.0.0.1:9", url, neo4j_user=USER, neo4j_password=PASSWORD).graph("u", P)
        graph.prepare()
        assert graph.save_relationships("s1", P, [Relationship("A", "B", "LINKS_TO")]) == 1
        graph.undo_relationships("s1", P)
        with_user = url.replace("://", "://ada:p%40ss%3Aw%C3%B6rd%2F@")
        assert audit(system.target(neo4j_url=with_user)).exit_status == 0
        assert audit(system.target(neo4j_url=url)).exit_status == 2  # it sees nothing, and says so


def test_the_auditor_brings_chromas_token_and_finds_the_door_closed(
    system: System, gateway: tuple[Gateway, str]
) -> None:
    found, url = gateway
    assert audit(system.target(chroma_url=url, chroma_token=TOKEN)).exit_status == 0
    assert found.refused == 4, "one request with each wrong credential"
    assert audit(system.target(chroma_url=url)).exit_status == 2


def test_a_server_that_lets_everybody_in_is_left_alone_and_named(system: System) -> None:
    knocked = []

    def take(path: str) -> str:
        knocked.append(path)
        return "{}"

    careless = Flask("careless")
    careless.add_url_rule("/<path:path>", view_func=take, methods=["GET", "POST"])
    with serving(careless) as url:
        report = audit(system.target(chroma_url=url, unguarded=frozenset({"chroma"})))
        assert (report.exit_status, knocked) == (0, [])
        [notes] = [row.notes for row in report.invariants if row.name == "A6"]
        assert notes == ("chroma is a real server that was given no credentials: whether it is closed is its own",)
        assert audit(system.target(chroma_url=url)).exit_status == 1, "an open door, had somebody said it has a lock"
