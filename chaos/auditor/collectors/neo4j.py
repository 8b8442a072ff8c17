"""The graph, over Neo4j's HTTP Query API v2: the same on the stub and on a real Neo4j."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import requests

from chaos.auditor.facts import GraphFacts, Relationship
from service_kit import names

TIMEOUT = 60.0  # seconds for one statement
_PROJECTS = "MATCH (n)-[r]->() WHERE r.saga_id IS NOT NULL RETURN DISTINCT n.project AS project"
_OF_PROJECT = """MATCH (a {project: $project})-[r]->(b) WHERE r.saga_id IS NOT NULL
RETURN r.saga_id AS saga_id, a.name AS source, type(r) AS kind, b.name AS target, r.evidence AS evidence,
       coalesce(r.pending, false) AS pending"""
_OF_NONE = _OF_PROJECT.replace("(a {project: $project})", "(a)").replace("WHERE", "WHERE a.project IS NULL AND")
_WITHOUT_SAGA = "MATCH ()-[r]->() WHERE r.saga_id IS NULL RETURN count(r) AS n"
_LONELY = """MATCH (n:Page) OPTIONAL MATCH (n)-[r]-() WITH n, count(r) AS relationships WHERE relationships = 0
RETURN n.project AS project, n.name AS name, n.made_by AS made_by"""
_BARRIERS = """MATCH (b:SagaBarrier) WHERE NOT b.state IN ['confirmed', 'compensated']
RETURN b.project AS project, b.saga_id AS saga_id"""


class GraphTrouble(Exception):
    """The graph did not answer as it should."""


class Graph:
    """Runs statements.

    Args:
        url: ``http://[user:password@]host:port``.
        token: of project ``*``; None when the URL carries user and password, or nothing is needed.
    """

    def __init__(self, session: requests.Session, url: str, token: str | None) -> None:
        self._session, self._url = session, f"{url.rstrip('/')}/db/neo4j/query/v2"
        self._headers = {"Accept": "application/json"} | ({names.INTERNAL_TOKEN: token} if token else {})

    def rows(self, statement: str, **parameters: Any) -> list[Mapping[str, Any]]:
        """The statement's rows by column name.

        Raises:
            GraphTrouble: no answer, or not one of the Query API.
        """
        body = {"statement": " ".join(statement.split()), "parameters": parameters, "accessMode": "Read"}
        try:
            answer = self._session.post(
                self._url, json=body, headers=self._headers, timeout=TIMEOUT, allow_redirects=False
            )
            found = answer.json()
        except (requests.RequestException, ValueError) as error:
            raise GraphTrouble(f"the graph gave no answer: {type(error).__name__}") from error
        if errors := found.get("errors"):
            raise GraphTrouble(f"the graph answered {answer.status_code}: {errors[0].get('code')}")
        if not answer.ok or "data" not in found:
            raise GraphTrouble(f"the graph answered {answer.status_code}")
        fields: Sequence[str] = found["data"]["fields"]
        return [dict(zip(fields, row, strict=True)) for row in found["data"]["values"]]


def read_graph(graph: Graph, project: str | None = None) -> GraphFacts:
    """Every relationship that carries a saga id, project by project, and what sagas left besides.

    Raises:
        GraphTrouble: the graph cannot be read.
    """
    projects = [project] if project is not None else [row["project"] for row in graph.rows(_PROJECTS)]
    found = [relationship for name in projects for relationship in _relationships(graph, name)]
    lonely = [(row["project"], str(row["name"]), row["made_by"]) for row in graph.rows(_LONELY)]
    barriers = [(row["project"], str(row["saga_id"])) for row in graph.rows(_BARRIERS)]
    if project is not None:
        lonely = [row for row in lonely if row[0] == project]
        barriers = [row for row in barriers if row[0] == project]
    return GraphFacts(found, lonely, barriers, int(graph.rows(_WITHOUT_SAGA)[0]["n"]))


def _relationships(graph: Graph, project: str | None) -> list[Relationship]:
    rows = graph.rows(_OF_NONE) if project is None else graph.rows(_OF_PROJECT, project=project)
    return [
        Relationship(
            project,
            str(row["saga_id"]),
            str(row["source"]),
            str(row["kind"]),
            str(row["target"]),
            row["evidence"],
            bool(row["pending"]),
        )
        for row in rows
    ]
