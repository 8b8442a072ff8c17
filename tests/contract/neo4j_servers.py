"""The Neo4j servers that the contract suite runs on: the stub, and a real one where it is there.

The real one is ``NEO4J_TEST_URL`` (with ``NEO4J_TEST_AUTH`` as user:password, if it asks for them), or Neo4j's own test
harness, which ``make test-real`` builds where Maven and Java are; it takes some 15 seconds to start.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests

from tests.contract.stub_process import DEADLINE, Server, StubProcess

USER, PASSWORD = "neo4j", "a-password-of-neo4j"
QUERY = "/db/neo4j/query/v2"
HARNESS = Path(__file__).parents[2] / ".real" / "neo4j"


class Neo4jServer(Server):
    """A running server, with credentials that it takes."""

    def __init__(self, url: str, auth: tuple[str, str] | None) -> None:
        super().__init__(url.rstrip("/"))
        self._session.auth = auth
        self._session.trust_env = False
        # The sagas of the tests race each other: as many connections as threads.
        self._session.mount("http://", requests.adapters.HTTPAdapter(pool_maxsize=16))

    def query(self, statement: str, path: str = QUERY, **more: Any) -> requests.Response:
        """Run one statement; further members of the request by name."""
        return self.call("POST", path, {"statement": statement, **more})

    def rows(self, statement: str, **parameters: Any) -> list[list[Any]]:
        """The rows of a statement that must succeed."""
        answer = self.query(statement, parameters=parameters)
        assert answer.status_code == 202 and "errors" not in answer.json(), answer.text
        return list(answer.json()["data"]["values"])


@contextmanager
def stub_server(folder: Path, **environment: str) -> Iterator[Neo4jServer]:
    process = StubProcess("neo4j_stub", folder / "neo4j", {"NEO4J_PASSWORD": PASSWORD, **environment})
    server = Neo4jServer(process.url, (USER, PASSWORD))
    try:
        process.start()
        yield server
    finally:
        server.close()
        process.stop()


def why_no_real_server() -> str | None:
    if "NEO4J_TEST_URL" in os.environ:
        return None
    if (HARNESS / ".ready").exists() and shutil.which("java"):
        return None
    return "no real Neo4j: set NEO4J_TEST_URL, or run `make test-real` where Maven and Java 17 are"


@contextmanager
def real_server(folder: Path) -> Iterator[Neo4jServer]:
    if url := os.environ.get("NEO4J_TEST_URL"):
        user, _, password = os.environ.get("NEO4J_TEST_AUTH", "").partition(":")
        server = Neo4jServer(url, (user, password) if user else None)
        yield server
        server.close()
        return
    classpath = f"{HARNESS}/target/classes:{(HARNESS / 'classpath.txt').read_text().strip()}"
    log_path = folder / "real.log"
    with log_path.open("wb") as log:
        process = subprocess.Popen(
            ["java", "-cp", classpath, "Main"],
            cwd=folder,
            env={**os.environ, "NEO4J_PASSWORD": PASSWORD},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
        )
    assert process.stdin and process.stdout
    try:
        url = process.stdout.readline().decode().strip()
        assert url, f"the real Neo4j ended: {log_path.read_text()[-2000:]}"
        server = Neo4jServer(url, (USER, PASSWORD))
        yield server
        server.close()
    finally:
        process.stdin.close()  # the harness serves until then
        process.wait(DEADLINE)
        process.stdout.close()
