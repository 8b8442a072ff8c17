"""Who may touch which collection on the stub: internal tokens are bound to their project, Chroma's own token is not."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from backend.clients.chroma import collection_name
from tests.contract.chroma_servers import COLLECTIONS, TOKEN, ChromaServer, stub_server
from tests.contract.stub_process import internal_token

MINE, YOURS = "org/mine", "yours"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ChromaServer]:
    with stub_server(Path(tmp_path_factory.mktemp("chroma"))) as found:
        found.new_collection(collection_name(MINE))
        found.new_collection(collection_name(YOURS))
        yield found


def ask(server: ChromaServer, method: str, path: str, body: object = None, **headers: str) -> requests.Response:
    return requests.request(method, server.url + path, json=body, headers=headers, timeout=20)


@pytest.mark.parametrize(
    "headers",
    [{}, {"X-INTERNAL-TOKEN": "nonsense"}, {"x-chroma-token": "wrong"}, {"Authorization": "Bearer wrong"}],
)
def test_without_a_good_token_nothing_is_answered(server: ChromaServer, headers: dict[str, str]) -> None:
    answer = ask(server, "GET", COLLECTIONS, **headers)
    assert (answer.status_code, answer.json()["error"]) == (401, "AuthError")


def test_chromas_own_token_is_taken_in_both_headers(server: ChromaServer) -> None:
    assert ask(server, "GET", COLLECTIONS, **{"x-chroma-token": TOKEN}).status_code == 200
    assert ask(server, "GET", COLLECTIONS, Authorization=f"Bearer {TOKEN}").status_code == 200


def test_a_token_of_a_project_covers_its_collection_only(server: ChromaServer) -> None:
    token = {"X-INTERNAL-TOKEN": internal_token(MINE)}
    assert [each["name"] for each in ask(server, "GET", COLLECTIONS, **token).json()] == [collection_name(MINE)]
    assert ask(server, "GET", f"{COLLECTIONS}/{collection_name(MINE)}", **token).status_code == 200
    yours = server.call("GET", f"{COLLECTIONS}/{YOURS}").json()["id"]
    add = {"ids": ["a"], "embeddings": [[1.0]]}
    refused = [
        ask(server, "GET", f"{COLLECTIONS}/{YOURS}", **token),
        ask(server, "DELETE", f"{COLLECTIONS}/{YOURS}", **token),
        ask(server, "POST", COLLECTIONS, {"name": "another"}, **token),
        ask(server, "POST", f"{COLLECTIONS}/{yours}/add", add, **token),
        ask(server, "POST", f"{COLLECTIONS}/{yours}/get", {}, **token),
        ask(server, "PUT", f"{COLLECTIONS}/{yours}", {"new_name": "another"}, **token),
        ask(server, "POST", "/api/v2/tenants", {"name": "tenant"}, **token),
        ask(server, "DELETE", "/api/v2/tenants/default_tenant/databases/default_database", **token),
    ]
    assert {(answer.status_code, answer.json()["error"]) for answer in refused} == {(403, "AuthorizationError")}
    assert server.call("GET", f"{COLLECTIONS}/{yours}/count").json() == 0


def test_a_token_of_all_projects_covers_all(server: ChromaServer) -> None:
    token = {"X-INTERNAL-TOKEN": internal_token("*")}
    assert len(ask(server, "GET", COLLECTIONS, **token).json()) == 2


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics", "/openapi.json", "/docs/", "/api/v2/heartbeat"])
def test_what_watches_a_server_needs_no_token(server: ChromaServer, path: str) -> None:
    assert ask(server, "GET", path).status_code == 200


def test_the_openapi_document_names_every_endpoint_of_the_contract(server: ChromaServer) -> None:
    paths = ask(server, "GET", "/openapi.json").json()["paths"]
    one = COLLECTIONS.replace("default_tenant", "{tenant}").replace("default_database", "{database}") + "/{collection}"
    for action in ("add", "upsert", "update", "get", "query", "delete", "count"):
        assert f"{one}/{action}" in paths
    assert "AddRecords" in str(paths[f"{one}/add"])
