"""Whether anything of a project is at a participant: on its disk, in its barrier, behind its API."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

import requests

from chaos.auditor.collectors.leftovers import databases_of
from chaos.auditor.collectors.neo4j import Graph
from chaos.auditor.collectors.sqlite import snapshot_of, tables_of

TIMEOUT = 10.0  # seconds for one look


def in_filesystem(root: Path, project: str) -> bool:
    """A folder of the project, or a barrier record."""
    return (root / project).exists() or _in_barrier(root, project)


def in_git(root: Path, project: str) -> bool:
    """A repository of the project, or a barrier record."""
    return (root / f"{project}.git").exists() or _in_barrier(root, project)


def in_graph(graph: Graph, project: str) -> bool:
    """A page of the project."""
    rows = graph.rows("MATCH (p:Page {project: $project}) RETURN count(p) AS n", project=project)
    return int(rows[0]["n"]) > 0


def in_documents(session: requests.Session, url: str, headers: Mapping[str, str], project: str) -> bool:
    """A collection of the project's name; ``headers`` give the right to look.

    Raises:
        ValueError: the answer is neither yes nor no.
    """
    path = f"/api/v2/tenants/default_tenant/databases/default_database/collections/{quote(project, safe='')}"
    answer = session.get(url.rstrip("/") + path, headers=headers, timeout=TIMEOUT, allow_redirects=False)
    if answer.status_code not in (200, 404):
        raise ValueError(f"answered {answer.status_code}")
    return answer.status_code == 200


def _in_barrier(root: Path, project: str) -> bool:
    for path in databases_of(root):
        with snapshot_of(path) as database:
            if "barrier_saga" not in tables_of(database):
                continue
            if database.execute("SELECT 1 FROM barrier_saga WHERE project = ?", (project,)).fetchone():
                return True
    return False
