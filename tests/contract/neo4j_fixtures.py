"""The fixture that runs a test on the stub and, where it is there, on a real Neo4j (one for the whole run)."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contract.neo4j_servers import Neo4jServer, real_server, stub_server, why_no_real_server

SERVERS = {"stub": stub_server, "real": real_server}
NEEDS_REAL = (pytest.mark.slow, pytest.mark.skipif(bool(why_no_real_server()), reason=why_no_real_server() or ""))
REAL = pytest.param("real", marks=NEEDS_REAL)


@pytest.fixture(scope="session", params=["stub", REAL])
def graph_server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Neo4jServer]:
    with SERVERS[request.param](Path(tmp_path_factory.mktemp("neo4j"))) as found:
        yield found


@pytest.fixture
def label() -> str:
    """A label of the test's own: a real server is not emptied between tests."""
    return f"L{uuid.uuid4().hex}"


@pytest.fixture
def graph_project() -> str:
    return f"org/repo {uuid.uuid4().hex}"
