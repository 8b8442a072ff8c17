"""What the stub sees of a statement's text before its engine does."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neo4j_stub import cypher_text


@given(st.text())
def test_the_tokens_are_the_statement(text: str) -> None:
    assert "".join(token for _, token in cypher_text.tokens(text)) == text


@pytest.mark.parametrize(
    ("statement", "count"),
    [
        ("RETURN 1", 1),
        ("RETURN 1;", 1),
        ("RETURN 1; RETURN 2", 2),
        ("RETURN ';' AS a", 1),
        ("RETURN `a;b`", 1),
        ("RETURN 1 // ; RETURN 2", 1),
        ("RETURN 1; // the end", 1),
        ("RETURN 'it\\'s; fine'", 1),
        ("  ", 0),
        (";", 0),
    ],
)
def test_statements_are_counted(statement: str, count: int) -> None:
    assert cypher_text.count_statements(statement) == count


@pytest.mark.parametrize(
    ("statement", "clause"),
    [
        ("MATCH (n)", "MATCH"),
        ("MATCH (n) WITH n", "WITH"),
        ("UNWIND [1] AS x", "UNWIND"),
        ("MATCH (n) WHERE n.x STARTS WITH 'a' DELETE n", None),
        ("MATCH (n) SET n.x = n.y STARTS WITH 'a'", None),
        ("MERGE (n) ON MATCH SET n.x = 1", None),
        ("MATCH (n) RETURN n.match", None),
        ("MATCH (n) RETURN 'MATCH'", None),
        ("MATCH (n) DELETE n // MATCH", None),
        ("CALL { MATCH (n) RETURN n } RETURN n", None),
        ("match (n)", "MATCH"),
    ],
)
def test_statements_that_cannot_end_so(statement: str, clause: str | None) -> None:
    assert cypher_text.cannot_end(statement) == clause


def test_block_comments_become_blanks_and_strings_stay() -> None:
    assert cypher_text.without_block_comments("/* a\n b */RETURN '/* c */' AS x // /* d") == (
        " RETURN '/* c */' AS x // /* d"
    )


@pytest.mark.parametrize(
    ("statement", "fields"),
    [
        ("RETURN 1 / 0", ["1 / 0"]),
        ("MATCH (n) RETURN DISTINCT n.a AS x, count(n, m) AS `y` ORDER BY x, y LIMIT 3", ["x", "y"]),
        ("WITH [1, 2] AS l RETURN l[0] AS first, {a: 1, b: 2} AS map", ["first", "map"]),
        ("CALL { RETURN 1 AS inner } RETURN inner AS outer", ["outer"]),
    ],
)
def test_the_fields_that_a_statement_promises(statement: str, fields: list[str]) -> None:
    assert cypher_text.returned_fields(statement) == fields
