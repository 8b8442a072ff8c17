"""Where kglite 0.21.2 would surprise a user of Neo4j, and what is done about it. Each has a test of its own.

What is not done: ``id`` is the engine's identity, so two nodes of one label cannot both be given the same ``id``; and a
node whose ``title`` is not set shows its ``name`` under ``n.title`` inside a statement.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import kglite

_SPARE_LABEL = "StubIds"
_MOST_PROPERTIES = 200  # that one statement may name for the first time
_UNKNOWN_PROPERTY = re.compile(r"Unknown property '(?P<name>[^'`]+)' on (?P<label>[^\n`]+?)(?:\.|,|\n|$)")


def skip_used_ids(session: Any) -> None:
    """Start the engine's node ids above those in use; call it after every opening.

    After a reopening the engine counts ids from the number of its nodes. When nodes were deleted before, ids above that
    number are taken, and every CREATE would fail for good ("duplicate id in a durable graph"). A node with an id above
    all others moves the count there; it is gone in the same statement.
    """
    [row] = session.cypher("MATCH (n) RETURN max(toInteger(n.id)) AS top").to_list()
    if row["top"] is not None:
        session.execute(f"CREATE (n:{_SPARE_LABEL} {{id: $id}}) DELETE n", params={"id": row["top"] + 1})


def with_declared_properties(run: Callable[[], Any], declare: Callable[[str], object]) -> Any:
    """Run a statement; where the engine takes a new property of a known label for a typing error, declare it first.

    Args:
        run: runs the statement.
        declare: runs a writing statement in the same transaction, or in one of its own.
    """
    for _ in range(_MOST_PROPERTIES):
        try:
            return run()
        except kglite.SchemaError as error:
            found = _UNKNOWN_PROPERTY.search(str(error))
            if found is None:
                raise
            declare(f"CREATE (n:`{found['label']}`) SET n.`{found['name']}` = null DELETE n")
    return run()
