"""``where`` and ``where_document`` as predicates."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chroma_stub.errors import InvalidArgument
from chroma_stub.filters import MAX_DEPTH, document_predicate, metadata_predicate

RECORD = {"path": "a.py", "n": 2, "f": 2.5, "ok": True, "tags": ["x", 1]}


@pytest.mark.parametrize(
    ("where", "taken"),
    [
        ({"path": "a.py"}, True),
        ({"path": "b.py"}, False),
        ({"n": 2.0}, True),
        ({"n": True}, False),
        ({"ok": 1}, False),
        ({"n": {"$gt": 1}}, True),
        ({"n": {"$lt": 2}}, False),
        ({"f": {"$gte": 2.5}}, True),
        ({"path": {"$in": ["a.py", "b.py"]}}, True),
        ({"path": {"$nin": ["a.py"]}}, False),
        ({"missing": {"$ne": 1}}, True),
        ({"missing": {"$nin": [1]}}, True),
        ({"missing": {"$gt": 1}}, False),
        ({"missing": 1}, False),
        ({"tags": {"$contains": "x"}}, True),
        ({"tags": {"$not_contains": "x"}}, False),
        ({"path": {"$contains": "a"}}, False),
        ({"$and": [{"n": 2}, {"ok": True}]}, True),
        ({"$and": []}, True),
        ({"$or": [{"n": 3}, {"ok": True}]}, True),
        ({"$or": []}, False),
    ],
)
def test_where(where: Any, taken: bool) -> None:
    predicate = metadata_predicate(where)
    assert predicate is not None and predicate(RECORD) is taken


@pytest.mark.parametrize(
    "where",
    [
        *({}, [], "s", 5, {"a": 1, "b": 2}, {"a": None}, {"a": {}}, {"a": [1]}, {"$not": []}, {"$and": {"a": 1}}),
        *({"a": {operator: value}} for operator, value in [("$gt", "x"), ("$in", []), ("$in", [1, "x"]), ("$foo", 1)]),
    ],
)
def test_clauses_that_are_none(where: Any) -> None:
    with pytest.raises(InvalidArgument, match="Invalid where clause"):
        metadata_predicate(where)


def test_nesting_has_a_limit() -> None:
    clause: Any = {"a": 1}
    for _ in range(MAX_DEPTH):
        clause = {"$and": [clause]}
    with pytest.raises(InvalidArgument):
        metadata_predicate(clause)


@pytest.mark.parametrize(
    ("clause", "document", "taken"),
    [
        ({"$contains": "ab"}, "xaby", True),
        ({"$contains": "AB"}, "xaby", False),
        ({"$contains": ""}, None, False),
        ({"$not_contains": "ab"}, None, True),
        ({"$regex": "^x.b"}, "xaby", True),
        ({"$not_regex": "^x.b"}, None, True),
        ({"$or": [{"$contains": "q"}, {"$contains": "y"}]}, "xaby", True),
        ({"$and": [{"$contains": "q"}, {"$contains": "y"}]}, "xaby", False),
    ],
)
def test_where_document(clause: Any, document: str | None, taken: bool) -> None:
    predicate = document_predicate(clause)
    assert predicate is not None and predicate(document) is taken


@pytest.mark.parametrize("clause", [{}, {"$contains": 5}, {"$regex": "("}, {"a": "b"}, "s", {"$regex": "a" * 1001}])
def test_document_clauses_that_are_none(clause: Any) -> None:
    with pytest.raises(InvalidArgument):
        document_predicate(clause)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["$and", "$or", "$in", "$gt", "$contains", "$regex", "a"]), inner, max_size=2)
    ),
    max_leaves=12,
)


@given(JSON, st.dictionaries(st.sampled_from("ab"), st.integers() | st.text() | st.lists(st.integers())))
def test_any_clause_is_a_predicate_or_is_refused(clause: Any, metadata: dict[str, Any]) -> None:
    for make, record in ((metadata_predicate, metadata), (document_predicate, "text")):
        try:
            predicate: Any = make(clause)
        except InvalidArgument:
            continue
        assert predicate is None or predicate(record) in (True, False)
