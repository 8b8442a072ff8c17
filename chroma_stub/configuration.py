"""A collection's configuration: Chroma's defaults, the request's wishes, the older ``hnsw:space`` in metadata."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chroma_stub.errors import Unprocessable
from chroma_stub.vectors import DISTANCES

_HNSW: Mapping[str, Any] = {
    "space": "l2",
    "ef_construction": 100,
    "ef_search": 100,
    "max_neighbors": 16,
    "resize_factor": 1.2,
    "sync_threshold": 1000,
}


def configuration_of(asked: Mapping[str, Any] | None, metadata: Mapping[str, Any] | None) -> dict[str, Any]:
    """The configuration of a new collection, as its answers show it.

    Raises:
        Unprocessable: an unknown distance, or parts of the wrong type.
    """
    asked = asked or {}
    hnsw = _mapping(asked, "hnsw")
    if "space" not in hnsw and "hnsw:space" in (metadata or {}):
        hnsw = {**hnsw, "space": (metadata or {})["hnsw:space"]}
    return {
        "hnsw": _merged(_HNSW, hnsw),
        "spann": None,
        "embedding_function": _mapping(asked, "embedding_function") or None,
    }


def updated(configuration: Mapping[str, Any], asked: Mapping[str, Any]) -> dict[str, Any]:
    """``configuration`` with what ``asked`` changes; raises Unprocessable for the distance, which stays."""
    hnsw = _mapping(asked, "hnsw")
    if "space" in hnsw:
        raise Unprocessable("new_configuration.hnsw.space: unknown field `space`")
    function = _mapping(asked, "embedding_function") or configuration["embedding_function"]
    return {**configuration, "hnsw": _merged(configuration["hnsw"], hnsw), "embedding_function": function}


def _merged(base: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    known = {key: value for key, value in changes.items() if key in base and value is not None}
    found = {**base, **known}
    if found["space"] not in DISTANCES:
        names = ", ".join(f"`{name}`" for name in ("l2", "cosine", "ip"))
        raise Unprocessable(f"configuration.hnsw.space: unknown variant `{found['space']}`, expected one of {names}")
    return found


def _mapping(asked: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    found = asked.get(key)
    if found is not None and not isinstance(found, Mapping):
        raise Unprocessable(f"configuration.{key}: invalid type, expected a map")
    return found or {}
