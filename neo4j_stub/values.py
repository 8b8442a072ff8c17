"""Engine values as the Query API writes them: plain JSON, and typed JSON (``{"$type": T, "_value": v}``).

The engine shows ``id``, ``title`` and ``type`` on every node whether they were set or not; what is only shown is left
out here. The price: an ``id`` equal to the engine's own number, a ``type`` equal to the first label and a ``title``
equal to the node's name are left out as well, although somebody may have set them.
"""

from __future__ import annotations

import base64
import datetime as dt
import math
from collections.abc import Mapping
from typing import Any

_NODE_KEYS = {"id", "labels", "properties"}
_RELATIONSHIP_KEYS = {"id", "start", "end", "type", "properties"}
_PATH_KEYS = {"nodes", "relationships"}
_DURATION_KEYS = {"months", "days", "seconds"}
_PARSERS: Mapping[str, Any] = {
    "Date": dt.date.fromisoformat,
    "Time": dt.time.fromisoformat,
    "LocalTime": dt.time.fromisoformat,
    "LocalDateTime": dt.datetime.fromisoformat,
    "OffsetDateTime": dt.datetime.fromisoformat,
    "ZonedDateTime": dt.datetime.fromisoformat,
}


def plain(value: Any) -> Any:
    """``value`` as plain JSON (``application/json``)."""
    match kind(value):
        case "Node":
            properties = {key: plain(item) for key, item in real_properties(value).items()}
            return {"elementId": str(value["id"]), "labels": value["labels"], "properties": properties}
        case "Relationship":
            return {
                "elementId": str(value["id"]),
                "startNodeElementId": str(value["start"]),
                "endNodeElementId": str(value["end"]),
                "type": value["type"],
                "properties": {key: plain(item) for key, item in value["properties"].items()},
            }
        case "Path":
            return [plain(item) for item in _alternating(value)]
        case "List":
            return [plain(item) for item in value]
        case "Map":
            return {key: plain(item) for key, item in value.items()}
        case "Null" | "Boolean" | "Integer" | "String":
            return value
        case "Float" if math.isfinite(value):
            return value
        case _:
            return _text(value)


def typed(value: Any) -> dict[str, Any]:
    """``value`` as typed JSON (``application/vnd.neo4j.query``)."""
    name = kind(value)
    return {"$type": name, "_value": _typed_value(name, value)}


def _typed_value(name: str, value: Any) -> Any:
    match name:
        case "Node":
            properties = {key: typed(item) for key, item in real_properties(value).items()}
            return {"_element_id": str(value["id"]), "_labels": value["labels"], "_properties": properties}
        case "Relationship":
            return {
                "_element_id": str(value["id"]),
                "_start_node_element_id": str(value["start"]),
                "_end_node_element_id": str(value["end"]),
                "_type": value["type"],
                "_properties": {key: typed(item) for key, item in value["properties"].items()},
            }
        case "Path":
            return [typed(item) for item in _alternating(value)]
        case "List":
            return [typed(item) for item in value]
        case "Map":
            return {key: typed(item) for key, item in value.items()}
        case "Null" | "Boolean" | "String":
            return value
        case "Integer" | "Float":
            return str(value)
        case _:
            return _text(value)


def from_typed(item: Any) -> Any:
    """The parameter that a typed JSON value stands for.

    Raises:
        ValueError: not a typed value, or of a type that parameters cannot have.
    """
    if not isinstance(item, dict) or set(item) != {"$type", "_value"}:
        raise ValueError('every typed value is {"$type": ..., "_value": ...}')
    name, value = item["$type"], item["_value"]
    match name:
        case "Null" | "Boolean" | "String":
            return value
        case "Integer":
            return int(value)
        case "Float":
            return float(value)
        case "Base64":
            return base64.b64decode(value, validate=True)
        case "List":
            return [from_typed(part) for part in value]
        case "Map":
            return {key: from_typed(part) for key, part in value.items()}
    if name in _PARSERS:
        return _PARSERS[name](value)
    raise ValueError(f"{name!r} is not a type of parameters")


def kind(value: Any) -> str:
    """Neo4j's name for the type of an engine value."""
    if isinstance(value, dict):
        return _kind_of_dict(value)
    for python, name in _KINDS:
        if isinstance(value, python):
            return name
    if isinstance(value, dt.datetime):
        return "LocalDateTime" if value.tzinfo is None else "OffsetDateTime"
    if isinstance(value, dt.time):
        return "LocalTime" if value.tzinfo is None else "Time"
    return "Date" if isinstance(value, dt.date) else "Unsupported"


# bool before int: Python's True is an int.
_KINDS: tuple[tuple[type, str], ...] = (
    (type(None), "Null"),
    (bool, "Boolean"),
    (int, "Integer"),
    (float, "Float"),
    (str, "String"),
    (bytes, "Base64"),
    (list, "List"),
)


def _kind_of_dict(value: Mapping[str, Any]) -> str:
    keys = value.keys()
    if keys == _NODE_KEYS and isinstance(value["labels"], list):
        return "Node"
    if keys == _RELATIONSHIP_KEYS and isinstance(value["properties"], dict):
        return "Relationship"
    if keys == _PATH_KEYS and isinstance(value["relationships"], list):
        return "Path"
    return "Duration" if keys == _DURATION_KEYS else "Map"


def real_properties(node: Mapping[str, Any]) -> dict[str, Any]:
    """The node's properties without those that the engine only shows."""
    shown: Mapping[str, Any] = node["properties"]
    label = node["labels"][0] if node["labels"] else None
    virtual = {"id": [node["id"]], "type": [label], "title": [f"{label}_{node['id']}", shown.get("name")]}
    return {key: value for key, value in shown.items() if value not in virtual.get(key, [])}


def _alternating(path: Mapping[str, Any]) -> list[Any]:
    nodes, relationships = path["nodes"], path["relationships"]
    steps = [item for pair in zip(relationships, nodes[1:], strict=True) for item in pair]
    return [*nodes[:1], *steps]


def _text(value: Any) -> str:
    if isinstance(value, dict):
        return _duration(value["months"], value["days"], value["seconds"])
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, dt.date | dt.time):
        return value.isoformat().replace("+00:00", "Z")
    return str(value)


def _duration(months: int, days: int, seconds: float) -> str:
    date = "".join(f"{count}{unit}" for count, unit in ((months, "M"), (days, "D")) if count)
    time = f"T{seconds}S" if seconds or not date else ""
    return f"P{date}{time}"
