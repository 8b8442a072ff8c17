"""A day in the life of Chroma's official client. Prints every answer, without uuids; run by the contract tests.

Usage: python chroma_client_script.py URL TOKEN
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from typing import Any

import chromadb
from chromadb.config import Settings

_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}")


def main(url: str, token: str) -> None:
    client = chromadb.HttpClient(
        host=url, headers={"x-chroma-token": token}, settings=Settings(anonymized_telemetry=False)
    )
    show("heartbeat", isinstance(client.heartbeat(), int))
    show("version", client.get_version())
    show("max batch", client.get_max_batch_size())
    attempt("missing", lambda: client.get_collection("script-none", embedding_function=None))
    docs = client.create_collection("script-docs", metadata={"project": "p"}, embedding_function=None)
    show("created", (docs.name, docs.metadata, docs.count()))
    attempt("again", lambda: client.create_collection("script-docs", embedding_function=None))
    show("get or create", client.get_or_create_collection("script-docs", embedding_function=None).metadata)
    records(docs)
    filters(docs)
    changes(client, docs)
    spaces(client)
    client.delete_collection("script-docs")
    attempt("deleted", lambda: client.delete_collection("script-docs"))
    attempt("after the end", docs.count)


def records(docs: Any) -> None:
    docs.add(
        ids=["a", "b", "c"],
        embeddings=[[1.0, 0.0, 0.5], [0.0, 1.0, 0.0], [0.25, 0.5, 1.0]],
        metadatas=[{"path": "a.py", "n": 1, "tags": ["x", "y"]}, {"path": "b.py", "n": 2.5}, {"ok": True}],
        documents=["first text", "second text", "third"],
    )
    show("get", docs.get())
    show("get some", docs.get(ids=["c", "a"], include=["embeddings", "documents"]))
    show("peek", docs.peek(2))
    docs.add(ids=["a"], embeddings=[[9.0, 9.0, 9.0]], documents=["ignored"])
    docs.upsert(ids=["a", "d"], embeddings=[[1.0, 0.0, 0.25], [2.0, 2.0, 2.0]], metadatas=[{"n": 7}, {"path": "d.py"}])
    docs.update(ids=["b"], embeddings=[[0.0, 1.0, 0.125]], documents=["second text, changed"])
    docs.update(ids=["b"], metadatas=[{"n": None, "new": "v"}])
    show("after", docs.get(include=["embeddings", "documents", "metadatas"]))
    show("query", docs.query(query_embeddings=[[1.0, 0.1, 0.0], [0.0, 0.3, 1.0]], n_results=2))
    attempt("dimension", lambda: docs.add(ids=["z"], embeddings=[[1.0]]))
    attempt("twice", lambda: docs.add(ids=["z", "z"], embeddings=[[1.0, 1.0, 1.0]] * 2))


def filters(docs: Any) -> None:
    for where in (
        {"n": 7},
        {"n": {"$ne": 7}},
        {"n": {"$gte": 7}},
        {"path": {"$in": ["b.py", "d.py"]}},
        {"path": {"$nin": ["b.py", "d.py"]}},
        {"$and": [{"path": "a.py"}, {"n": {"$lt": 8}}]},
        {"$or": [{"ok": True}, {"new": "v"}]},
        {"tags": {"$contains": "x"}},
    ):
        show(f"where {where}", docs.get(where=where)["ids"])
    for where_document in (
        {"$contains": "text"},
        {"$not_contains": "text"},
        {"$regex": "^s.*d$"},
        {"$or": [{"$contains": "third"}, {"$contains": "first"}]},
    ):
        show(f"where_document {where_document}", docs.get(where_document=where_document)["ids"])
    show("page", docs.get(limit=2, offset=1)["ids"])
    show("filtered query", docs.query(query_embeddings=[[1.0, 0.1, 0.0]], n_results=5, where={"path": "b.py"})["ids"])


def changes(client: Any, docs: Any) -> None:
    show("deleted", docs.delete(ids=["d"]))
    show("deleted where", docs.delete(where={"ok": True}))
    show("left", (docs.count(), docs.get()["ids"]))
    docs.modify(metadata={"other": 1})
    show("modified", client.get_collection("script-docs", embedding_function=None).metadata)
    docs.modify(name="script-docs-2")
    attempt("old name", lambda: client.get_collection("script-docs", embedding_function=None))
    docs.modify(name="script-docs")
    show("listed", [each.name for each in client.list_collections() if each.name.startswith("script-")])


def spaces(client: Any) -> None:
    for space in ("l2", "cosine", "ip"):
        found = client.create_collection(
            f"script-{space}", configuration={"hnsw": {"space": space}}, embedding_function=None
        )
        found.add(ids=["same", "near", "far"], embeddings=[[1.0, 0.0], [1.0, 1.0], [-1.0, 0.5]])
        show(space, found.query(query_embeddings=[[1.0, 0.0]], n_results=3)["distances"])
        client.delete_collection(f"script-{space}")


def attempt(name: str, call: Callable[[], object]) -> None:
    try:
        show(name, call())
    except Exception as error:
        print(f"{name}: raised {type(error).__name__}: {_UUID.sub('<uuid>', str(error))}")


def show(name: str, value: Any) -> None:
    print(f"{name}: {json.dumps(_plain(value), sort_keys=True)}")


def _plain(value: Any) -> Any:
    if hasattr(value, "tolist"):
        return _plain(value.tolist())
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return round(value, 5) if isinstance(value, float) else value


if __name__ == "__main__":
    main(*sys.argv[1:])
