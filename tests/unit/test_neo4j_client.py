"""The saga's statements, and what an answer of the Query API means."""

from __future__ import annotations

import json
from typing import Any

import pytest
import requests

from backend.clients import neo4j_statements as statements
from backend.clients.neo4j import QueryRefused, QueryUnclear, rows_of
from backend.clients.neo4j_statements import KINDS, Relationship

ROW = Relationship("A", "B", "LINKS_TO", "line 1")


@pytest.mark.parametrize(
    "statement",
    [
        statements.save("s", "p", [ROW], 1.0),
        statements.undo("s", "p", 1.0),
        statements.confirm("s", "p", 1.0),
        statements.read("p"),
        statements.forget_barriers("p", 1.0),
    ],
)
def test_every_statement_names_its_project(statement: statements.Statement) -> None:
    assert statement.parameters["project"] == "p"
    assert "$project" in statement.text


def test_no_value_is_ever_part_of_a_statements_text() -> None:
    nasty = "'}) DETACH DELETE n //"
    made = statements.save(nasty, nasty, [Relationship(nasty, nasty, "MENTIONS", nasty)], 1.0)
    assert made.text == statements.save("s", "p", [], 1.0).text


def test_rows_are_sorted_by_kind_without_repetitions() -> None:
    other = Relationship("A", "A", "SEE_ALSO")
    made = statements.save("s", "p", [ROW, other, ROW], 1.0).parameters
    assert made["LINKS_TO"] == [{"source": "A", "target": "B", "evidence": "line 1"}]
    assert (made["MENTIONS"], len(made["SEE_ALSO"]), made["count"]) == ([], 1, 2)


def test_the_digest_tells_rows_apart_and_not_their_order() -> None:
    rows = [ROW, Relationship("B", "C", "MENTIONS")]
    digests = [statements.save("s", "p", each, 1.0).parameters["digest"] for each in (rows, rows[::-1], rows[:1])]
    assert digests[0] == digests[1] != digests[2]


def test_keys_of_different_sagas_and_projects_differ() -> None:
    pairs = [("s", "p"), ("p", "s"), ("sp", ""), ("s", "p2")]
    assert len({statements.undo(saga, project, 1.0).parameters["key"] for saga, project in pairs}) == len(pairs)


@pytest.mark.parametrize("row", [Relationship("A", "B", "KNOWS"), Relationship("", "B", KINDS[0])])
def test_rows_that_cannot_be_saved_are_named(row: Relationship) -> None:
    with pytest.raises(ValueError, match=r"kind|source, target"):
        statements.save("s", "p", [row], 1.0)


def answer(status: int, body: Any) -> requests.Response:
    response = requests.Response()
    response.status_code = status
    response._content = body.encode() if isinstance(body, str) else json.dumps(body).encode()
    return response


def errors(code: str) -> dict[str, Any]:
    return {"errors": [{"code": code, "message": "why"}]}


def test_rows_by_column_name() -> None:
    body = {"data": {"fields": ["a", "b"], "values": [[1, 2], [3, 4]]}}
    assert rows_of(answer(202, body)) == [{"a": 1, "b": 2}, {"a": 3, "b": 4}]


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (202, {"data": {"fields": ["a"], "values": []}} | errors("Neo.ClientError.Statement.X"), QueryRefused),
        (202, errors("Neo.TransientError.Transaction.DeadlockDetected"), QueryUnclear),
        (400, errors("Neo.ClientError.Statement.SyntaxError"), QueryRefused),
        (400, errors("Neo.TransientError.General.DatabaseUnavailable"), QueryUnclear),
        (401, errors("Neo.ClientError.Security.Unauthorized"), QueryRefused),
        (429, errors("Neo.ClientError.Security.AuthenticationRateLimit"), QueryUnclear),
        (500, errors("Neo.DatabaseError.General.UnknownError"), QueryUnclear),
        (502, "<html>bad gateway</html>", QueryUnclear),
        (404, "", QueryRefused),
        (302, "", QueryUnclear),
        (408, "", QueryUnclear),
        (202, "not JSON", QueryUnclear),
        (200, {"data": {"fields": ["a"], "values": [[1, 2]]}}, QueryUnclear),
        (200, [], QueryUnclear),
        (200, {}, QueryUnclear),
    ],
)
def test_what_a_failure_means(status: int, body: Any, error: type[Exception]) -> None:
    with pytest.raises(error):
        rows_of(answer(status, body))
