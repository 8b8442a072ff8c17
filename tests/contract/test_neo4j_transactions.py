"""Explicit transactions of the Query API: open, go on, commit, roll back, and what becomes of a failed one."""

from __future__ import annotations

from typing import Any

import pytest

from tests.contract.neo4j_servers import QUERY, Neo4jServer

TX = f"{QUERY}/tx"


def begin(graph_server: Neo4jServer, **request: Any) -> tuple[str, dict[str, Any]]:
    """The path of a new transaction, and the answer that opened it."""
    answer = graph_server.call("POST", TX, request)
    assert answer.status_code == 202, answer.text
    return f"{TX}/{answer.json()['transaction']['id']}", answer.json()


def count(graph_server: Neo4jServer, label: str) -> int:
    return int(graph_server.rows(f"MATCH (n:{label}) RETURN count(n)")[0][0])


def test_nothing_is_seen_before_the_commit(graph_server: Neo4jServer, label: str) -> None:
    path, opened = begin(graph_server)
    assert set(opened) == {"transaction"} and set(opened["transaction"]) == {"id", "expires"}
    first = graph_server.query(f"CREATE (n:{label}) RETURN 1 AS one", path=path).json()
    assert first["data"]["values"] == [[1]] and "transaction" in first and "bookmarks" not in first
    inside = graph_server.query(f"MATCH (n:{label}) RETURN count(n) AS n", path=path).json()
    assert (inside["data"]["values"], count(graph_server, label)) == ([[1]], 0)
    committed = graph_server.call("POST", f"{path}/commit", {})
    assert committed.status_code == 202 and set(committed.json()) == {"bookmarks"}
    assert count(graph_server, label) == 1


def test_statements_may_come_with_the_opening_and_the_commit(graph_server: Neo4jServer, label: str) -> None:
    path, opened = begin(graph_server, statement=f"CREATE (n:{label}) RETURN 1 AS one")
    assert opened["data"] == {"fields": ["one"], "values": [[1]]}
    last = graph_server.query(f"CREATE (n:{label}) RETURN 2 AS two", path=f"{path}/commit", includeCounters=True).json()
    assert last["data"]["values"] == [[2]] and last["counters"]["nodesCreated"] == 1 and "transaction" not in last
    assert count(graph_server, label) == 2


def test_a_rollback_leaves_nothing(graph_server: Neo4jServer, label: str) -> None:
    path, _ = begin(graph_server, statement=f"CREATE (n:{label})")
    assert graph_server.call("DELETE", path).status_code == 200
    assert count(graph_server, label) == 0
    assert graph_server.call("DELETE", path).status_code == 404


def test_an_empty_request_keeps_it_alive(graph_server: Neo4jServer) -> None:
    path, _ = begin(graph_server)
    answer = graph_server.call("POST", path, {})
    assert answer.status_code == 202 and set(answer.json()) == {"transaction"}
    graph_server.call("DELETE", path)


@pytest.mark.parametrize(("failing", "status"), [("FLAMINGO", 400), ("RETURN 1/0 AS f", 202)])
def test_any_failure_rolls_back_and_closes(graph_server: Neo4jServer, label: str, failing: str, status: int) -> None:
    path, _ = begin(graph_server, statement=f"CREATE (n:{label})")
    failed = graph_server.query(failing, path=path)
    assert failed.status_code == status and failed.json()["errors"] and "transaction" not in failed.json()
    gone = graph_server.query("RETURN 1 AS a", path=path)
    assert (gone.status_code, gone.json()["errors"][0]["code"]) == (404, "Neo.ClientError.Request.Invalid")
    assert path.rsplit("/", 1)[1] in gone.json()["errors"][0]["message"]
    assert count(graph_server, label) == 0


def test_a_failed_opening_opens_nothing(graph_server: Neo4jServer) -> None:
    answer = graph_server.call("POST", TX, {"statement": "RETURN 1/0 AS f"})
    assert answer.status_code == 202 and answer.json()["errors"] and "transaction" not in answer.json()


def test_a_committed_transaction_is_gone(graph_server: Neo4jServer) -> None:
    path, _ = begin(graph_server)
    assert graph_server.call("POST", f"{path}/commit", {}).status_code == 202
    assert graph_server.call("POST", f"{path}/commit", {}).status_code == 404
