"""The calls whose answers the stub and a real Chroma server must give alike: one story, in order.

``{main}`` stands for the path of the story's collection; ``NAME`` in a body for its name, which differs run by run.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from tests.contract.chroma_servers import COLLECTIONS

TENANTS = "/api/v2/tenants"
NOWHERE = f"{COLLECTIONS}/00000000-0000-0000-0000-000000000007"
X, Y, Z = [1, 0, 0], [0, 1, 0], [0, 0, 1]


class Call(NamedTuple):
    method: str
    path: str
    body: Any = None
    raw: str | None = None  # a body that is not what a JSON library would write


def _post(action: str, *bodies: Any) -> list[Call]:
    return [Call("POST", "{main}/" + action, body) for body in bodies]


def _after_each(calls: list[Call], look: Call) -> list[Call]:
    return [each for call in calls for each in (call, look)]


SERVER = [
    Call("GET", "/api/v2/version"),
    Call("GET", "/api/v2/healthcheck"),
    Call("GET", "/api/v2/pre-flight-checks"),
    Call("GET", "/api/v2/auth/identity"),
    Call("POST", "/api/v2/reset"),
    Call("GET", "/api/v2/nope"),
    Call("GET", "/api/v1/collections"),
    Call("PATCH", COLLECTIONS),
    Call("DELETE", COLLECTIONS),
]

_DATABASES = f"{TENANTS}/NAME/databases"
TENANTS_AND_DATABASES = [
    *(Call("POST", TENANTS, body) for body in ({"name": "NAME"}, {"name": "NAME"}, {}, {"name": 5})),
    Call("GET", f"{TENANTS}/NAME"),
    Call("GET", f"{TENANTS}/nope-NAME"),
    *(Call("POST", _DATABASES, {"name": name}) for name in ("db1", "db1", "ab", "")),
    *(Call("GET", f"{_DATABASES}{rest}") for rest in ("", "?limit=1&offset=0", "/db1", "/nope", "/ab")),
    Call("DELETE", f"{_DATABASES}/nope"),
    *(Call("GET", f"{_DATABASES}/nope/{what}") for what in ("collections", "collections/abc", "collections_count")),
    Call("POST", f"{_DATABASES}/nope/collections", {"name": "abc"}),
    Call("POST", f"{_DATABASES}/db1/collections", {"name": "abc"}),
    Call("GET", f"{_DATABASES}/db1/collections_count"),
    Call("DELETE", f"{_DATABASES}/db1"),
    Call("GET", f"{_DATABASES}/db1"),
    Call("GET", f"{_DATABASES}/db1/collections"),
    Call("POST", f"{TENANTS}/unknown-NAME/databases", {"name": "db1"}),
]

COLLECTION_CALLS = [
    *(
        Call("POST", COLLECTIONS, body)
        for body in (
            {"name": "NAME"},
            {"name": "NAME", "get_or_create": True, "metadata": {"z": 1}},
            {"name": "NAME-bad", "configuration": {"hnsw": {"space": "foo"}}},
            *({"name": name} for name in ("x", "a..b", "1.2.3.4", "-abc", "org/repo", "a" * 513, 5)),
            *({"name": "NAME-m", "metadata": metadata} for metadata in ({"a": None}, {"a": {}}, {})),
            {"name": "NAME-m", "metadata": {"a": True, "b": 1, "c": 1.5, "d": "s"}},
            {},
        )
    ),
    Call("POST", COLLECTIONS, raw="{bad"),
    Call("POST", COLLECTIONS, raw=""),
    *(Call("GET", COLLECTIONS + query) for query in ("?limit=abc", "?limit=-1", "?limit=0")),
    Call("GET", f"{COLLECTIONS}/NAME"),
    Call("GET", f"{COLLECTIONS}/nope-NAME"),
    Call("GET", f"{COLLECTIONS}/by-id/00000000-0000-0000-0000-000000000005"),
    Call("GET", f"{COLLECTIONS}/by-id/no-uuid"),
]

_ALL = {"include": ["metadatas", "documents", "embeddings", "uris", "distances"]}
_THREE = {
    "ids": ["d1", "d2", "d3"],
    "embeddings": ["AACAPwAAAAAAAAAA", "AAAAAAAAgD8AAAAA", "AAAAAAAAAAAAAIA/"],
    "metadatas": [{"path": "a.py", "n": 1, "f": 1.5, "b": True, "l": [1, 2]}, None, {"n": 2.0, "l": ["x"]}],
    "documents": ["doc one", None, "Doc three"],
    "uris": ["u1", None, None],
}
WRITES = [
    *_post("get", {}),
    Call("GET", "{main}/count"),
    *_post("query", {"query_embeddings": [X]}, {"query_embeddings": []}),
    *_after_each(
        [
            *_post(
                "add",
                _THREE,
                {"ids": ["d1"], "embeddings": [[9, 9, 9]], "documents": ["ignored"]},
                {"ids": ["d4", "d4"], "embeddings": [[1, 1, 0], [2, 2, 0]], "documents": ["first", "second"]},
                {"ids": ["m1"], "embeddings": [X], "metadatas": [{"a": None}]},
                {"ids": ["m1", "m3"], "embeddings": [[5, 5, 5], [6, 5, 5]], "metadatas": [{}, {"a": []}]},
                {"ids": ["c1"], "embeddings": [[7, 0, 0]], "metadatas": [{"chroma:document": "via meta", "k": 1}]},
                {"ids": ["c3"], "embeddings": [[8, 0, 0]], "documents": [""]},
            ),
            *_post(
                "upsert",
                {"ids": ["d5", "d5"], "embeddings": [[1, 1, 0], [2, 2, 1]], "documents": ["first", "second"]},
                {"ids": ["d1"], "embeddings": [[0, 0, 2]], "metadatas": [{"n": 9}]},
                {"ids": ["d1"], "embeddings": [[0, 0, 2]], "metadatas": [{"n": None, "path": "q"}]},
            ),
            *_post(
                "update",
                {"ids": ["d1", "nope"], "metadatas": [{"n": None, "b": False}, {"a": 1}]},
                {"ids": ["d1"], "embeddings": [X], "documents": ["new doc"]},
                {"ids": ["d1"], "embeddings": [None]},
                {"ids": ["d1"], "embeddings": [[1]]},
                {"ids": ["d1"], "documents": [None]},
                {"ids": []},
            ),
        ],
        Call("POST", "{main}/get", _ALL),
    ),
]

_E1: dict[str, Any] = {"ids": ["e1"], "embeddings": [[1, 2, 3]]}
REFUSED_WRITES = _after_each(
    _post(
        "add",
        {"ids": ["e1"]},
        {"embeddings": [[1]]},
        {"ids": [], "embeddings": []},
        *(
            {"ids": ["e1"], "embeddings": bad}
            for bad in (
                None,
                [],
                [[]],
                [[1, 2]],
                ["!!"],
                ["AAA="],
                [""],
                [["a"]],
                [None],
                [[1e39, 0, 0]],
                [[True, 0, 0]],
            )
        ),
        {"ids": ["e1", "e2"], "embeddings": [[1, 2, 3], "AACAPwAAAAAAAAAA"]},
        _E1 | {"documents": ["a", "b"]},
        _E1 | {"ids": [""]},
        _E1 | {"ids": [5]},
        _E1 | {"documents": [5]},
        *(_E1 | {"metadatas": [bad]} for bad in ({"a": {}}, 5, {"l": [1, "a"]})),
    ),
    Call("GET", "{main}/count"),
)

READS = _post(
    "get",
    *({"limit": limit} for limit in (2, 0, -1, 1.5)),
    *({"offset": offset} for offset in (100, -1)),
    {"limit": 2, "offset": 1},
    *({"include": include} for include in ([], ["foo"], None)),
    *({"ids": ids} for ids in ([], ["d2", "d1"], ["d1", "zz", "d1"])),
    {"ids": ["d1", "d3"], "where": {"n": 2}},
    {"where": {"n": 2}, "where_document": {"$contains": "three"}},
)

_N = (
    *({"$eq": value} for value in (2, None)),
    *({operator: 2} for operator in ("$ne", "$gt", "$gte", "$lt", "$lte", "$foo")),
    *({"$in": value} for value in ([1, 2], [], [1, "a"], [1, 2.0])),
    *({"$nin": value} for value in ([2], [])),
    *({"$gt": value} for value in ("a", True)),
    *({}, {"$gt": 1, "$lt": 5}, [1], None, 2.0),
)
WHERE = _post(
    "get",
    *({"where": {"n": test}} for test in _N),
    *({"where": {"path": test}} for test in ("q", {"$in": ["q", "z"]}, {"$nin": ["q"]}, {"$contains": "q"})),
    *({"where": {"l": {operator: 1}}} for operator in ("$contains", "$not_contains")),
    *({"where": {"l": test}} for test in ({"$contains": "x"}, {"$contains": [1]}, [1, 2])),
    *({"where": {"b": test}} for test in (True, False, 1, {"$in": [True]}, {"$ne": True})),
    *({"where": {"$and": parts}} for parts in ([{"n": 2}, {"l": {"$contains": "x"}}], [], [{"n": 2}], {"n": 1})),
    *({"where": {"$or": parts}} for parts in ([{"n": 2}, {"path": "q"}], [])),
    *({"where": clause} for clause in ({}, {"a": 1, "b": 2}, [], "s", 5, {"#document": "x"}, {"$not": [{"n": 1}]})),
)
WHERE_DOCUMENT = _post(
    "get",
    *({"where_document": {"$contains": value}} for value in ("doc", "", 5)),
    *({"where_document": {"$not_contains": value}} for value in ("doc", "")),
    *({"where_document": {"$regex": value}} for value in ("^[dD]oc", "")),
    {"where_document": {"$not_regex": "doc"}},
    *({"where_document": {"$and": parts}} for parts in ([{"$contains": "D"}, {"$contains": "three"}], [])),
    *({"where_document": {"$or": parts}} for parts in ([{"$contains": "new"}, {"$contains": "three"}], [])),
    *({"where_document": clause} for clause in ({}, {"$contains": "a", "$regex": "b"}, "s", {"$foo": "x"}, {"a": "b"})),
)

# Distances here have no ties: Chroma does not say which of two equally near records comes first.
_NEAR = {"query_embeddings": [[0.1, 1, 0.4]], "n_results": 2}
QUERIES = _post(
    "query",
    _NEAR,
    _NEAR | {"n_results": 1} | _ALL,
    {"query_embeddings": [[0.1, 1, 0.4], [0, 0.9, 2]], "n_results": 2, "include": ["distances"]},
    *(_NEAR | {"n_results": count} for count in (0, -1, None)),
    *(_NEAR | {"where": where} for where in ({"n": 2}, {"n": 77}, {"a": 1, "b": 2})),
    _NEAR | {"where_document": {"$contains": "three"}},
    _NEAR | {"ids": ["d2", "d3"]},
    _NEAR | {"include": ["x"]},
    *({"query_embeddings": bad} for bad in ([[1, 0]], [[]], [], None)),
    {},
)

DELETES = [
    *_after_each(
        _post(
            "delete",
            {"ids": ["d5", "nonexist"]},
            {},
            {"ids": []},
            {"ids": ["d4"], "limit": 1},
            {"limit": 5},
            {"where": {"n": 77}},
            {"where": {"n": 2}, "limit": 1},
            {"where": {}},
            {"ids": ["d2"], "where": {"n": 5}},
            {"where_document": {"$contains": "via"}},
            {"ids": 5},
        ),
        Call("GET", "{main}/count"),
    ),
    *_post("fork", {"new_name": "x"}, {}),
    *_post("search", {"searches": []}),
    Call("GET", "{main}/indexing_status"),
]

UNKNOWN_COLLECTION = [
    Call("POST", f"{base}/{action}", {"ids": ["a"], "embeddings": [[1]], "query_embeddings": [[1]]})
    for base in (NOWHERE, f"{COLLECTIONS}/no-uuid")
    for action in ("add", "upsert", "update", "get", "query", "delete")
] + [Call("GET", f"{NOWHERE}/count"), Call("PUT", NOWHERE, {"new_name": "abcd"})]

CHANGES = [
    *_after_each(
        [
            Call("PUT", "{main}", body)
            for body in (
                {"new_metadata": {"k": "v"}},
                {"new_configuration": {"hnsw": {"ef_search": 50}}},
                {"new_metadata": {"a": {}}},
                {"new_metadata": {}},
                {"new_name": "x"},
                {"new_name": 5},
                {},
            )
        ],
        Call("GET", f"{COLLECTIONS}/NAME"),
    ),
    Call("PUT", "{main}", {"new_name": "NAME-renamed"}),
    Call("GET", f"{COLLECTIONS}/NAME"),
    Call("GET", f"{COLLECTIONS}/NAME-renamed"),
    Call("DELETE", f"{COLLECTIONS}/NAME-renamed"),
    Call("DELETE", f"{COLLECTIONS}/NAME-renamed"),
    *_post("get", {}),
]

STORY = {
    "server": SERVER,
    "tenants and databases": TENANTS_AND_DATABASES,
    "collections": COLLECTION_CALLS,
    "writes": WRITES,
    "refused writes": REFUSED_WRITES,
    "reads": READS,
    "where": WHERE,
    "where_document": WHERE_DOCUMENT,
    "queries": QUERIES,
    "deletes": DELETES,
    "unknown collection": UNKNOWN_COLLECTION,
    "changes": CHANGES,
}
