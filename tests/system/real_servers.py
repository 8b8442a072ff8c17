"""A real Chroma and a real Neo4j for whole systems, and what the main job left in whatever pair a system uses."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from backend.clients.chroma import COLLECTIONS, collection_name
from chaos.auditor.collectors.neo4j import Graph
from chaos.experiments.auditing import target_of
from chaos.running_system import RunningSystem
from tests.contract import chroma_servers, neo4j_servers
from tests.system.support import as_json, call, environment

DOCUMENTATION = (
    "/usr/lib/node_modules/npm/docs/content",
    "/usr/share/nodejs/npm/docs/content",
    "/usr/share/cmake-*/Help/command",
    "/usr/share/doc/git",
)
"""Folders with the documentation of real projects, as distributions install them; the first that is there is used."""
KINDS = "MATCH (a:Page {project: $project})-[r]->(:Page) RETURN type(r) AS kind, count(r) AS n"
PENDING = "MATCH (:Page {project: $project})-[r]->(:Page) WHERE r.pending RETURN count(r) AS n"
TIMEOUT = 30.0


def documentation() -> Path | None:
    """The documentation of a project that is installed on this machine."""
    return next((found for pattern in DOCUMENTATION for found in sorted(Path("/").glob(pattern[1:]))), None)


@contextmanager
def real_pair(folder: Path) -> Iterator[dict[str, str]]:
    """A real Chroma and a real Neo4j with a password; yields the environment of `testbed up` that names them."""
    folder.mkdir()
    with chroma_servers.real_server(folder) as chroma, neo4j_servers.real_server(folder) as neo4j:
        yield environment(CHROMA_URL=chroma.url, NEO4J_URL=neo4j.url, NEO4J_PASSWORD=neo4j_servers.PASSWORD)


@dataclass(frozen=True)
class Stored:
    """What a generation left, read back from the servers themselves."""

    documents: int
    files: Mapping[str, str]  # name to sha256
    relationships: Mapping[str, int]  # by kind
    pending: int


def ingest_and_generate(system: RunningSystem, project: str, *documents: str) -> dict[str, Any]:
    """The main job by the commands; the committed saga as `testbed sagas show` has it."""
    added = as_json(call(system.state, "ingest", *documents, "--project", project, "--json"))
    assert added["added"] > 50
    saga = as_json(call(system.state, "generate", project, "--wait", "--json"))
    assert saga["state"] == "committed", saga
    shown: dict[str, Any] = as_json(call(system.state, "sagas", "show", saga["saga_id"], "--json"))["saga"]
    return shown


def stored(system: RunningSystem, project: str) -> Stored:
    """Ask Chroma, Neo4j and filesystem_server what they have of ``project``."""
    target = target_of(system)
    headers = {"X-INTERNAL-TOKEN": system.internal_token()}
    with requests.Session() as session:
        session.trust_env = False

        def get(url: str) -> Any:
            answer = session.get(url, headers=headers, timeout=TIMEOUT)
            assert answer.ok, (url, answer.status_code, answer.text)
            return answer.json()

        collections = system.url("chroma_stub") + COLLECTIONS
        collection = get(f"{collections}/{collection_name(project)}")
        graph = Graph(session, target.neo4j_url or "", system.internal_token())
        listed = get(f"{system.url('filesystem_server')}/files/{project}")
        assert listed["next"] is None, "all files are on the first page"
        return Stored(
            documents=get(f"{collections}/{collection['id']}/count"),
            files={file["filename"]: file["sha256"] for file in listed["files"]},
            relationships={str(row["kind"]): int(row["n"]) for row in graph.rows(KINDS, project=project)},
            pending=int(graph.rows(PENDING, project=project)[0]["n"]),
        )
