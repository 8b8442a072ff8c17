"""The graph's part of the wiki saga as Cypher: pure functions from the saga's data to one statement each.

One statement is one transaction, on Neo4j 5 and on the stub alike. Every statement that changes something

* writes to the project's ``SagaLock`` first. A write takes the node's lock, so sagas of one project queue up here: none
  sees another's half, and none deletes a page that the other is just about to refer to;
* then MERGEs its ``SagaBarrier`` and writes to it *before* it reads the state (R6: it inserts, it does not check and
  then act; the unique key lets only one insert win, and barrier and effect become durable together).

The barrier's states: ``saved`` -> ``confirmed``, or ``saved`` -> ``compensated``, or straight to ``compensated`` when
the undo comes first. It stays behind as a small record until ``forget_barriers`` removes it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

KINDS = ("LINKS_TO", "MENTIONS", "SEE_ALSO")


@dataclass(frozen=True, slots=True, order=True)
class Relationship:
    """``source`` refers to ``target`` (both page names) in the way of ``kind``; ``evidence`` says where it was seen."""

    source: str
    target: str
    kind: str
    evidence: str | None = None


@dataclass(frozen=True, slots=True, order=True)
class SavedRelationship(Relationship):
    """A relationship as the graph holds it; ``pending`` while its saga is open."""

    saga_id: str | None = None
    pending: bool = False


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement with its parameters, which always name the project (R14)."""

    text: str
    parameters: Mapping[str, Any] = field(default_factory=dict)

    def body(self) -> dict[str, Any]:
        """The request body of the Query API."""
        return {"statement": self.text, "parameters": dict(self.parameters)}


SETUP = (
    "CREATE CONSTRAINT saga_lock IF NOT EXISTS FOR (l:SagaLock) REQUIRE l.project IS UNIQUE",
    "CREATE CONSTRAINT saga_barrier IF NOT EXISTS FOR (b:SagaBarrier) REQUIRE b.key IS UNIQUE",
    "CREATE CONSTRAINT page IF NOT EXISTS FOR (p:Page) REQUIRE (p.project, p.name) IS UNIQUE",
    "CREATE INDEX page_project IF NOT EXISTS FOR (p:Page) ON (p.project)",
)
"""Constraints and an index, each safe to repeat. Without them a barrier could be inserted twice."""

_BARRIER = """\
MERGE (lock:SagaLock {project: $project}) SET lock.at = $now
WITH lock
MERGE (b:SagaBarrier {key: $key})
ON CREATE SET b.state = 'new', b.project = $project, b.saga_id = $saga_id
SET b.at = $now
WITH b, b.state AS before
"""
_CREATE = """\
FOREACH (row IN CASE before WHEN 'new' THEN ${kind} ELSE [] END |
  MERGE (s:Page {{project: $project, name: row.source}}) ON CREATE SET s.made_by = $saga_id
  MERGE (t:Page {{project: $project, name: row.target}}) ON CREATE SET t.made_by = $saga_id
  CREATE (s)-[:{kind} {{saga_id: $saga_id, evidence: row.evidence, pending: true}}]->(t))
"""
SAVE = (
    _BARRIER
    + "".join(_CREATE.format(kind=kind) for kind in KINDS)
    + """\
SET b.state = CASE before WHEN 'new' THEN 'saved' ELSE before END,
    b.relationships = CASE before WHEN 'new' THEN $count ELSE b.relationships END,
    b.digest = CASE before WHEN 'new' THEN $digest ELSE b.digest END
RETURN b.state AS state, b.relationships AS relationships, b.digest AS digest"""
)
UNDO = (
    _BARRIER
    + """\
OPTIONAL MATCH (:Page {project: $project})-[r {saga_id: $saga_id}]->(:Page) WHERE before = 'saved'
DELETE r
WITH b, before, count(r) AS relationships
OPTIONAL MATCH (p:Page {project: $project})
WHERE before = 'saved' AND p.made_by IS NOT NULL AND NOT (p)--()
DELETE p
WITH b, before, relationships, count(p) AS pages
SET b.state = CASE before WHEN 'confirmed' THEN before ELSE 'compensated' END
RETURN b.state AS state, relationships, pages"""
)
CONFIRM = """\
MERGE (lock:SagaLock {project: $project}) SET lock.at = $now
WITH lock
MATCH (b:SagaBarrier {key: $key})
SET b.at = $now
WITH b, b.state AS before
OPTIONAL MATCH (:Page {project: $project})-[r {saga_id: $saga_id}]->(:Page) WHERE before = 'saved'
REMOVE r.pending
WITH DISTINCT b, before
SET b.state = CASE before WHEN 'saved' THEN 'confirmed' ELSE before END
RETURN b.state AS state"""
READ = """\
MATCH (s:Page {project: $project})-[r]->(t:Page)
RETURN s.name AS source, t.name AS target, type(r) AS kind, r.evidence AS evidence, r.saga_id AS saga_id,
       coalesce(r.pending, false) AS pending
ORDER BY source, target, kind, evidence, saga_id"""
FORGET = """\
MATCH (b:SagaBarrier {project: $project})
WHERE b.state IN ['confirmed', 'compensated'] AND b.at < $before
DELETE b
RETURN count(*) AS forgotten"""


def save(saga_id: str, project_id: str, rows: Iterable[Relationship], now: float) -> Statement:
    """Save ``rows`` as pending relationships of the saga; ``now`` in seconds since 1970.

    Raises:
        ValueError: a row's kind is none of ``KINDS``, or a page has no name.
    """
    ordered = sorted(set(rows), key=lambda row: (row.source, row.target, row.kind, row.evidence or ""))
    for row in ordered:
        if row.kind not in KINDS:
            raise ValueError(f"kind: {row.kind!r} is none of {', '.join(KINDS)}")
        if not row.source or not row.target:
            raise ValueError("source, target: a page needs a name")
    by_kind = {kind: [_row(row) for row in ordered if row.kind == kind] for kind in KINDS}
    counts = {"count": len(ordered), "digest": digest(ordered)}
    return Statement(SAVE, _saga(saga_id, project_id, now) | by_kind | counts)


def undo(saga_id: str, project_id: str, now: float) -> Statement:
    """Remove exactly what the saga saved, and pages made by sagas that nothing refers to any more; bar a late save."""
    return Statement(UNDO, _saga(saga_id, project_id, now))


def confirm(saga_id: str, project_id: str, now: float) -> Statement:
    """Take the pending mark off what the saga saved."""
    return Statement(CONFIRM, _saga(saga_id, project_id, now))


def read(project_id: str) -> Statement:
    """All relationships of the project."""
    return Statement(READ, {"project": project_id})


def forget_barriers(project_id: str, before: float) -> Statement:
    """Remove the barriers of sagas that ended before ``before`` (seconds since 1970).

    A request that is still on its way then would find no barrier: leave days between an end and its forgetting.
    """
    return Statement(FORGET, {"project": project_id, "before": _milliseconds(before)})


def digest(rows: Iterable[Relationship]) -> str:
    """A fingerprint of the rows: the same saga with other rows is a mistake, not a repetition."""
    return hashlib.sha256(json.dumps([asdict(row) for row in rows]).encode()).hexdigest()


def _saga(saga_id: str, project_id: str, now: float) -> dict[str, Any]:
    key = f"{project_id}\n{saga_id}"  # the project is in the key, so that nobody can bar a saga of another project
    return {"project": project_id, "saga_id": saga_id, "key": key, "now": _milliseconds(now)}


def _row(row: Relationship) -> dict[str, str | None]:
    return {"source": row.source, "target": row.target, "evidence": row.evidence}


def _milliseconds(seconds: float) -> int:
    return round(seconds * 1000)
