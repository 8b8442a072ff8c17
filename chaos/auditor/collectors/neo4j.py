"""The graph, over Neo4j's HTTP Query API v2: the same on the stub and on a real Neo4j."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import unquote, urlsplit, urlunsplit

import requests

from chaos.auditor.facts import GraphFacts, Relationship
from service_kit import names

TIMEOUT = 60.0  # seconds for one statement
MOST_AT_ONCE = 200_000  # relationships in one answer, about 40 MB of JSON
_PROJECTS = """MATCH (a)-[r]->() WHERE r.saga_id IS NOT NULL
RETURN coalesce(a.project, '') AS project, count(r) AS relationships"""
_OF_PROJECTS = """MATCH (a)-[r]->(b) WHERE r.saga_id IS NOT NULL AND coalesce(a.project, '') IN $projects
RETURN coalesce(a.project, '') AS project, r.saga_id AS saga_id, a.name AS source, type(r) AS kind, b.name AS target,
       r.evidence AS evidence, coalesce(r.pending, false) AS pending"""
_WITHOUT_SAGA = "MATCH ()-[r]->() WHERE r.saga_id IS NULL RETURN count(r) AS n"
_LONELY = """MATCH (n:Page) OPTIONAL MATCH (n)-[r]-() WITH n, count(r) AS relationships WHERE relationships = 0
RETURN n.project AS project, n.name AS name, n.made_by AS made_by"""
_BARRIERS = """MATCH (b:SagaBarrier) WHERE NOT b.state IN ['confirmed', 'compensated']
RETURN b.project AS project, b.saga_id AS saga_id"""


class GraphTrouble(Exception):
    """The graph did not answer as it should."""


def without_user(url: str) -> str:
    """``url`` without user and password."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def _basic(url: str) -> dict[str, str]:
    """User and password in UTF-8, as Neo4j reads them; requests itself would write Latin-1."""
    parts = urlsplit(url)
    if parts.username is None:
        return {}
    both = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
    return {"Authorization": f"Basic {base64.b64encode(both.encode()).decode()}"}


def query_path(database: str) -> str:
    """Where a database takes statements."""
    return f"/db/{database}/query/v2"


class Graph:
    """Runs statements.

    Args:
        url: ``http://[user:password@]host:port``.
        token: of project ``*``; None when the URL carries user and password, or nothing is needed.
        database: its name.
    """

    def __init__(self, session: requests.Session, url: str, token: str | None, database: str = "neo4j") -> None:
        self._session, self._url = session, without_user(url).rstrip("/") + query_path(database)
        self._headers = {"Accept": "application/json"} | _basic(url) | ({names.INTERNAL_TOKEN: token} if token else {})

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
    """Every relationship that carries a saga id, some projects at a time, and what sagas left besides.

    Raises:
        GraphTrouble: the graph cannot be read.
    """
    sizes = {str(row["project"]): int(row["relationships"]) for row in graph.rows(_PROJECTS)}
    if project is not None:
        sizes = {name: size for name, size in sizes.items() if name == project}
    answers = (graph.rows(_OF_PROJECTS, projects=group) for group in _groups(sizes))
    found = [_relationship(row) for rows in answers for row in rows]
    lonely = [(row["project"], str(row["name"]), row["made_by"]) for row in graph.rows(_LONELY)]
    barriers = [(row["project"], str(row["saga_id"])) for row in graph.rows(_BARRIERS)]
    if project is not None:
        lonely = [row for row in lonely if row[0] == project]
        barriers = [row for row in barriers if row[0] == project]
    return GraphFacts(found, lonely, barriers, int(graph.rows(_WITHOUT_SAGA)[0]["n"]))


def _groups(sizes: Mapping[str, int]) -> Iterator[list[str]]:
    """Projects together as long as their answer stays small: every statement is one walk through the whole graph."""
    group: list[str] = []
    total = 0
    for name, size in sizes.items():
        if group and total + size > MOST_AT_ONCE:
            yield group
            group, total = [], 0
        group.append(name)
        total += size
    if group:
        yield group


def _relationship(row: Mapping[str, Any]) -> Relationship:
    return Relationship(
        row["project"] or None,
        str(row["saga_id"]),
        str(row["source"]),
        str(row["kind"]),
        str(row["target"]),
        row["evidence"],
        bool(row["pending"]),
    )
