"""The Chroma servers that the contract suite runs on: the stub, and the real one where it is there.

The real one is ``CHROMA_TEST_URL``, or ``chroma run`` as ``make test-real`` installs it or PATH has it.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.contract.stub_process import DEADLINE, Server, StubProcess

REAL = Path(__file__).parents[2] / ".real"
TOKEN = "a-token-of-chroma"
COLLECTIONS = "/api/v2/tenants/default_tenant/databases/default_database/collections"


class ChromaServer(Server):
    """A running server, with credentials that it takes."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self._session.headers["x-chroma-token"] = TOKEN

    def new_collection(self, name: str, **more: Any) -> str:
        """The path of a new collection, by its uuid."""
        answer = self.call("POST", COLLECTIONS, {"name": name, **more})
        assert answer.status_code == 200, answer.text
        return f"{COLLECTIONS}/{answer.json()['id']}"


@contextmanager
def stub_server(folder: Path) -> Iterator[ChromaServer]:
    process = StubProcess("chroma_stub", folder / "chroma", {"CHROMA_TOKEN": TOKEN})
    server = ChromaServer(process.url)
    try:
        process.start()
        yield server
    finally:
        server.close()
        process.stop()


def _command() -> str | None:
    return shutil.which("chroma", path=f"{REAL}/server/bin{os.pathsep}{os.environ.get('PATH', '')}")


def why_no_real_server() -> str | None:
    if "CHROMA_TEST_URL" in os.environ or _command():
        return None
    return "no real Chroma: set CHROMA_TEST_URL, or run `make test-real`"


NEEDS_REAL = (pytest.mark.slow, pytest.mark.skipif(bool(why_no_real_server()), reason=why_no_real_server() or ""))


def client_python() -> str | None:
    """A Python that has the official client: the one of ``make test-real``, or this one."""
    if path := shutil.which("python", path=f"{REAL}/client/bin"):
        return path
    return sys.executable if importlib.util.find_spec("chromadb") else None


@contextmanager
def real_server(folder: Path) -> Iterator[ChromaServer]:
    if url := os.environ.get("CHROMA_TEST_URL"):
        server = ChromaServer(url.rstrip("/"))
        yield server
        server.close()
        return
    with socket.create_server(("127.0.0.1", 0)) as probe:  # `chroma run` takes no socket, so its port must be chosen
        port = probe.getsockname()[1]
    with (folder / "real.log").open("wb") as log:
        process = subprocess.Popen(
            [_command() or "chroma", "run", "--host", "127.0.0.1", "--port", str(port), "--path", str(folder / "real")],
            stdout=log,
            stderr=log,
        )
    server = ChromaServer(f"http://127.0.0.1:{port}")
    try:
        _wait_until_it_answers(server, process)
        yield server
    finally:
        server.close()
        process.terminate()
        process.wait(DEADLINE)


def _wait_until_it_answers(server: ChromaServer, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + DEADLINE
    while True:
        try:
            server.call("GET", "/api/v2/heartbeat")
            return
        except requests.ConnectionError:
            assert process.poll() is None, "the real Chroma server ended"
            assert time.monotonic() < end, "the real Chroma server does not answer"
            time.sleep(0.05)
