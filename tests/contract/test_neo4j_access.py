"""Who may ask the Neo4j stub what: internal tokens are bound to ``parameters.project``, Basic credentials are not."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from backend.clients.neo4j import Neo4jGraph
from backend.clients.neo4j_statements import Relationship
from tests.contract.neo4j_servers import PASSWORD, QUERY, USER, Neo4jServer, stub_server
from tests.contract.stub_process import internal_token

MINE = {"project": "mine"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Neo4jServer]:
    with stub_server(Path(tmp_path_factory.mktemp("neo4j"))) as found:
        yield found


def ask(server: Neo4jServer, parameters: object, path: str = QUERY, **headers: str) -> requests.Response:
    body = {"statement": "CREATE (n:Thing) RETURN 1 AS one", "parameters": parameters}
    return requests.post(server.url + path, json=body, headers=headers, timeout=20)


def basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({}, "Security.Unauthorized"),
        ({"X-INTERNAL-TOKEN": "nonsense"}, "Security.Unauthorized"),
        ({"Authorization": basic(USER, "wrong")}, "Security.Unauthorized"),
        ({"Authorization": basic("wrong", PASSWORD)}, "Security.Unauthorized"),
        ({"Authorization": "Basic !!!"}, "Request.InvalidFormat"),
        ({"Authorization": "Bearer x"}, "Request.InvalidFormat"),
    ],
)
def test_without_good_credentials_nothing_happens(server: Neo4jServer, headers: dict[str, str], code: str) -> None:
    answer = ask(server, MINE, **headers)
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (401, f"Neo.ClientError.{code}")
    assert answer.headers["WWW-Authenticate"].startswith("Basic")
    assert server.rows("MATCH (n:Thing) RETURN count(n)") == [[0]]


@pytest.mark.parametrize("parameters", [{"project": "yours"}, {}, None, {"project": 5}, {"project": ["mine"]}])
def test_a_token_covers_only_statements_that_name_its_project(server: Neo4jServer, parameters: object) -> None:
    token = {"X-INTERNAL-TOKEN": internal_token("mine")}
    answer = ask(server, parameters, **token)
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (403, "Neo.ClientError.Security.Forbidden")
    opening = ask(server, parameters, f"{QUERY}/tx", **token)
    assert (opening.status_code, "transaction" in opening.json()) == (403, False)
    assert server.rows("MATCH (n:Thing) RETURN count(n)") == [[0]]


def test_the_client_works_with_a_token_of_its_project(server: Neo4jServer) -> None:
    def send(method: str, path: str, *, json: object = None, headers: object = None) -> requests.Response:
        token = {"X-INTERNAL-TOKEN": internal_token("mine")}
        return requests.request(method, server.url + path, json=json, headers=token, timeout=20)

    graph = Neo4jGraph(send)  # type: ignore[arg-type]
    graph.prepare("mine")
    assert graph.save_relationships("s1", "mine", [Relationship("A", "B", "LINKS_TO")]) == 1
    assert len(graph.read("mine")) == 1


def test_a_token_of_all_projects_and_basic_credentials_cover_all(server: Neo4jServer) -> None:
    for headers in ({"X-INTERNAL-TOKEN": internal_token("*")}, {"Authorization": basic(USER, PASSWORD)}):
        answer = requests.post(server.url + QUERY, json={"statement": "RETURN 1 AS a"}, headers=headers, timeout=20)
        assert answer.status_code == 202


def test_a_transaction_belongs_to_who_opened_it(server: Neo4jServer) -> None:
    opened = ask(server, MINE, f"{QUERY}/tx", **{"X-INTERNAL-TOKEN": internal_token("mine")}).json()
    path = f"{QUERY}/tx/{opened['transaction']['id']}"
    assert ask(server, MINE, path, Authorization=basic(USER, PASSWORD)).status_code == 404
    mine = requests.delete(server.url + path, headers={"X-INTERNAL-TOKEN": internal_token("mine")}, timeout=20)
    assert mine.status_code == 200


@pytest.mark.parametrize("path", ["/", "/healthz", "/readyz", "/metrics", "/openapi.json", "/docs/"])
def test_what_watches_a_server_needs_no_credentials(server: Neo4jServer, path: str) -> None:
    assert requests.get(server.url + path, timeout=20).status_code == 200


def test_the_openapi_document_names_every_endpoint(server: Neo4jServer) -> None:
    paths = requests.get(f"{server.url}/openapi.json", timeout=20).json()["paths"]
    query = "/db/{database}/query/v2"
    assert {"/", query, f"{query}/tx", f"{query}/tx/{{tx_id}}", f"{query}/tx/{{tx_id}}/commit"} <= set(paths)


def test_an_idle_transaction_is_rolled_back_and_lets_the_next_writer_in(tmp_path: Path) -> None:
    with stub_server(tmp_path, TRANSACTION_IDLE_SECONDS="0.5") as server:
        opened = server.query("CREATE (:Idle)", path=f"{QUERY}/tx").json()
        assert server.query("CREATE (:Other)").status_code == 202  # waits for the idle one's end
        assert server.rows("MATCH (n:Idle) RETURN count(n)") == [[0]]
        gone = server.call("POST", f"{QUERY}/tx/{opened['transaction']['id']}", {})
        assert gone.status_code == 404
