"""The Query API v2 as clients rely on it: implicit transactions, answers, errors."""

from __future__ import annotations

from typing import Any

import pytest

from tests.contract.neo4j_servers import QUERY, Neo4jServer

TYPED = "application/vnd.neo4j.query"
COUNTERS = [
    *("containsUpdates", "nodesCreated", "nodesDeleted", "propertiesSet"),
    *("relationshipsCreated", "relationshipsDeleted", "labelsAdded", "labelsRemoved", "indexesAdded"),
    *("indexesRemoved", "constraintsAdded", "constraintsRemoved", "containsSystemUpdates", "systemUpdates"),
]


def test_discovery_says_where_to_query(graph_server: Neo4jServer) -> None:
    answer = graph_server.call("GET", "/", headers={"Accept": "application/json"})
    assert answer.status_code == 200
    assert answer.json()["query"] == f"{graph_server.url}/db/{{databaseName}}/query/v2"
    assert answer.json()["neo4j_version"].startswith("5.26")


def test_rows_come_in_the_order_of_the_fields(graph_server: Neo4jServer) -> None:
    answer = graph_server.query("UNWIND [3, 1, 2] AS b RETURN b, b * 10 AS a ORDER BY b")
    assert (answer.status_code, answer.headers["Content-Type"]) == (202, "application/json")
    assert answer.json()["data"] == {"fields": ["b", "a"], "values": [[1, 10], [2, 20], [3, 30]]}
    assert answer.json()["bookmarks"][0].startswith("FB:")


def test_without_rows_the_fields_are_there(graph_server: Neo4jServer, label: str) -> None:
    assert graph_server.query(f"MATCH (n:{label}) RETURN n.x AS x").json()["data"] == {"fields": ["x"], "values": []}
    assert graph_server.query(f"CREATE (:{label})").json()["data"] == {"fields": [], "values": []}


def test_the_batch_statement_of_many_loaders(graph_server: Neo4jServer, graph_project: str) -> None:
    statement = (
        "UNWIND $rows AS row MERGE (a:Page {project: row.project, name: row.source})"
        " MERGE (b:Page {project: row.project, name: row.target})"
        " MERGE (a)-[r:LINKS_TO {saga_id: row.saga_id}]->(b) RETURN count(r) AS n"
    )
    pairs = [("A", "B"), ("A", "C"), ("B", "C")]
    rows = [{"project": graph_project, "source": s, "target": t, "saga_id": "s1"} for s, t in pairs]
    answer = graph_server.query(statement, parameters={"rows": rows}, includeCounters=True).json()
    assert answer["data"]["values"] == [[3]]
    assert list(answer["counters"]) == COUNTERS
    counters = answer["counters"]
    assert (counters["nodesCreated"], counters["relationshipsCreated"], counters["containsUpdates"]) == (3, 3, True)
    deleted = graph_server.query(
        "MATCH (a:Page {project: $p})-[r {saga_id: $s}]->(b) DELETE r",
        parameters={"p": graph_project, "s": "s1"},
        includeCounters=True,
    ).json()
    assert deleted["counters"]["relationshipsDeleted"] == 3


def test_nodes_relationships_and_paths_in_plain_json(graph_server: Neo4jServer, label: str) -> None:
    [[a, r, b]] = graph_server.rows(
        f"CREATE (a:{label} {{name: 'A', n: 1}})-[r:KNOWS {{since: 1.5}}]->(b:{label} {{name: 'B'}}) RETURN a, r, b"
    )
    assert (a["labels"], a["properties"]) == ([label], {"name": "A", "n": 1})
    assert (r["type"], r["properties"]) == ("KNOWS", {"since": 1.5})
    assert (r["startNodeElementId"], r["endNodeElementId"]) == (a["elementId"], b["elementId"])
    [[path, nodes]] = graph_server.rows(f"MATCH p = (:{label})-[]->(:{label}) RETURN p, nodes(p)")
    assert (path, nodes) == ([a, r, b], [a, b])


def test_values_in_plain_json(graph_server: Neo4jServer) -> None:
    [row] = graph_server.rows(
        "RETURN null, true, 1, 1.0, 'zażółć', [1, null], {a: {b: [2]}}, date('2015-03-26'),"
        " datetime('2020-01-01T10:00:00Z'), localdatetime('2020-01-01T10:00:00'), duration('P1DT5S'), $p",
        p={"deep": [{"er": None}]},
    )
    assert row == [
        *(None, True, 1, 1.0, "zażółć", [1, None], {"a": {"b": [2]}}, "2015-03-26"),
        *("2020-01-01T10:00:00Z", "2020-01-01T10:00:00", "P1DT5S", {"deep": [{"er": None}]}),
    ]


def test_values_in_typed_json(graph_server: Neo4jServer, label: str) -> None:
    answer = graph_server.call(
        "POST",
        QUERY,
        {
            "statement": f"CREATE (n:{label} {{k: $i}}) RETURN n, $i, $f, [null, true], {{a: 's'}}, date('2015-03-26')",
            "parameters": {
                "i": {"$type": "Integer", "_value": "7"},
                "f": {"$type": "Float", "_value": "1.5"},
            },
        },
        headers={"Accept": TYPED, "Content-Type": TYPED},
    )
    assert (answer.status_code, answer.headers["Content-Type"]) == (202, TYPED), answer.text
    [[node, *others]] = answer.json()["data"]["values"]
    assert node["$type"] == "Node" and node["_value"]["_labels"] == [label]
    assert node["_value"]["_properties"] == {"k": {"$type": "Integer", "_value": "7"}}
    null, true = {"$type": "Null", "_value": None}, {"$type": "Boolean", "_value": True}
    assert others == [
        {"$type": "Integer", "_value": "7"},
        {"$type": "Float", "_value": "1.5"},
        {"$type": "List", "_value": [null, true]},
        {"$type": "Map", "_value": {"a": {"$type": "String", "_value": "s"}}},
        {"$type": "Date", "_value": "2015-03-26"},
    ]


STATEMENT, SCHEMA = "Neo.ClientError.Statement.", "Neo.ClientError.Schema."


@pytest.mark.parametrize(
    ("statement", "code"),
    [
        ("FLAMINGO", f"{STATEMENT}SyntaxError"),
        ("MATCH (n)", f"{STATEMENT}SyntaxError"),
        ("MATCH (n) WITH n", f"{STATEMENT}SyntaxError"),
        ("RETURN 1 AS a; RETURN 2 AS a", f"{STATEMENT}SyntaxError"),
        ("MATCH (n) RETURN m", f"{STATEMENT}SyntaxError"),
        ("RETURN no_such_function() AS f", f"{STATEMENT}SyntaxError"),
        ("RETURN $missing AS x", f"{STATEMENT}ParameterMissing"),
        ("MERGE (:LABEL {k: null})", f"{STATEMENT}SemanticError"),
        ("UNWIND [1, 0] AS x CREATE (:LABEL {v: 1 / x})", f"{STATEMENT}ArithmeticError"),
        ("CALL no.such.procedure()", "Neo.ClientError.Procedure.ProcedureNotFound"),
        ("", "Neo.ClientError.Request.Invalid"),
    ],
)
def test_failures_before_the_answer_began_are_400(
    graph_server: Neo4jServer, label: str, statement: str, code: str
) -> None:
    answer = graph_server.query(statement.replace("LABEL", label))
    assert (answer.status_code, [error["code"] for error in answer.json()["errors"]]) == (400, [code]), answer.text
    assert "data" not in answer.json()
    assert graph_server.rows(f"MATCH (n:{label}) RETURN count(n)") == [[0]]


@pytest.mark.parametrize(
    ("statement", "fields"),
    [
        ("RETURN 1/0 AS f", ["f"]),
        ("CREATE (n:LABEL) RETURN n.x AS a, 1 / 0", ["a", "1 / 0"]),
        ("UNWIND [1] AS i RETURN DISTINCT 1/0 AS x, count(i) AS `n` ORDER BY x LIMIT 1", ["x", "n"]),
    ],
)
def test_failures_after_the_answer_began_are_202_with_errors(
    graph_server: Neo4jServer, label: str, statement: str, fields: list[str]
) -> None:
    answer = graph_server.query(statement.replace("LABEL", label))
    assert answer.status_code == 202
    assert answer.json() == {
        "data": {"fields": fields, "values": []},
        "errors": [{"code": f"{STATEMENT}ArithmeticError", "message": "/ by zero"}],
    }
    assert graph_server.rows(f"MATCH (n:{label}) RETURN count(n)") == [[0]]


def test_a_uniqueness_constraint_holds(graph_server: Neo4jServer, label: str) -> None:
    constraint = f"CREATE CONSTRAINT IF NOT EXISTS FOR (n:{label}) REQUIRE (n.project, n.name) IS UNIQUE"
    made = [
        graph_server.query(constraint, includeCounters=True).json()["counters"]["constraintsAdded"] for _ in range(2)
    ]
    assert made == [1, 0]
    create = f"CREATE (:{label} {{project: 'p', name: 'n'}})"
    assert graph_server.query(create).status_code == 202
    refused = graph_server.query(create)
    assert (refused.status_code, refused.json()["errors"][0]["code"]) == (400, f"{SCHEMA}ConstraintValidationFailed")


def test_a_node_with_relationships_is_not_deleted(graph_server: Neo4jServer, label: str) -> None:
    graph_server.rows(f"CREATE (:{label})-[:R]->(:{label})")
    answer = graph_server.query(f"MATCH (n:{label}) DELETE n")
    assert answer.json()["errors"][0]["code"] == f"{SCHEMA}ConstraintValidationFailed"
    assert graph_server.rows(f"MATCH (n:{label}) RETURN count(n)") == [[2]]
    assert graph_server.query(f"MATCH (n:{label}) DETACH DELETE n").status_code == 202


def test_read_mode_refuses_to_write(graph_server: Neo4jServer, label: str) -> None:
    refused = graph_server.query(f"CREATE (n:{label}) RETURN 1 AS a", accessMode="Read")
    assert (refused.status_code, refused.json()["errors"][0]["code"]) == (400, f"{STATEMENT}AccessMode")
    assert graph_server.query("RETURN 1 AS a", accessMode="READ").status_code == 202


@pytest.mark.parametrize(
    ("status", "message", "request_"),
    [
        (400, "Bad Request", {"data": "{bad"}),
        (400, "Bad Request", {"data": "[]"}),
        (400, "statement cannot be null or empty", {"data": "{}"}),
        (400, "Bad Request", {"data": '{"statement": "RETURN 1", "parameters": [1]}'}),
        (400, "Bad Request", {"data": '{"statement": "RETURN 1", "unknown": 1}'}),
        (400, "Bad Request", {"data": '{"statement": "RETURN 1", "accessMode": "Foo"}'}),
        (415, "Unsupported Media Type", {"data": "{}", "headers": {"Content-Type": "text/plain"}}),
        (406, "Not Acceptable", {"data": "{}", "headers": {"Accept": "text/html"}}),
    ],
)
def test_requests_that_are_none(graph_server: Neo4jServer, status: int, message: str, request_: dict[str, Any]) -> None:
    headers = {"Content-Type": "application/json", **request_.get("headers", {})}
    answer = graph_server.call("POST", QUERY, data=request_["data"], headers=headers)
    assert answer.status_code == status, answer.text
    [error] = answer.json()["errors"]
    assert error["code"] == "Neo.ClientError.Request.Invalid" and error["message"].startswith(message)


@pytest.mark.parametrize(("method", "path", "status"), [("GET", QUERY, 405), ("GET", "/nope", 404)])
def test_wrong_verbs_and_paths(graph_server: Neo4jServer, method: str, path: str, status: int) -> None:
    answer = graph_server.call(method, path)
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (status, "Neo.ClientError.Request.Invalid")


@pytest.mark.parametrize("path", ["/db/nope/query/v2", "/db/nope/query/v2/tx"])
def test_an_unknown_database(graph_server: Neo4jServer, path: str) -> None:
    answer = graph_server.query("RETURN 1 AS a", path=path)
    assert (answer.status_code, answer.json()["errors"]) == (
        404,
        [{"code": "Neo.ClientError.Database.DatabaseNotFound", "message": "Graph not found: nope"}],
    )
