"""git_server and filesystem_server together, as a saga uses them, over real sockets and real disks."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.integration.git_support import (
    DEADLINE,
    KEYS,
    PROJECT,
    Running,
    free_port,
    main_of,
    pages,
    sha,
    start,
    tree_of,
)

SAGA = "wiki-proj-1-x"


@pytest.fixture
def filesystem(tmp_path: Path) -> Iterator[Running]:
    port, data = free_port(), tmp_path / "files"
    env = os.environ | {"INTERNAL_TOKEN_KEYS": KEYS, "DATA_DIR": str(data)}
    command = [sys.executable, "-m", "gunicorn", "filesystem_server.app:create_app()", "-b", f"127.0.0.1:{port}"]
    with subprocess.Popen([*command, "-c", "python:service_kit.gunicorn_conf"], env=env) as process:
        running = Running(f"http://127.0.0.1:{port}", data, process)
        deadline = time.monotonic() + DEADLINE
        while time.monotonic() < deadline:
            with contextlib.suppress(requests.ConnectionError):
                if running.call("GET", "/healthz").ok:
                    break
            time.sleep(0.02)
        try:
            yield running
        finally:
            running.stop()


def save(filesystem: Running, saga: str, contents: dict[str, bytes]) -> dict[str, str]:
    rows = [{"filename": name, "content": content.decode()} for name, content in contents.items()]
    saved = filesystem.call("POST", f"/files/{PROJECT}", json={"saga_id": saga, "files": rows})
    assert saved.status_code == 201, saved.text
    return {name: sha(content) for name, content in contents.items()}


def test_a_wiki_is_saved_committed_and_taken_back(filesystem: Running, tmp_path: Path) -> None:
    server = start(tmp_path / "git", filesystem.url)
    try:
        first = save(filesystem, "saga-0", pages(45, "old") | {"ünï/ö.md": b"1"})
        kept = server.snapshot("saga-0", first)
        assert kept.status_code == 201, kept.text
        assert [one.call("POST", "/saga/saga-0/confirm").status_code for one in (filesystem, server)] == [200, 200]

        second = save(filesystem, SAGA, pages(45, "new"))
        assert filesystem.call("GET", f"/file/{PROJECT}/part-0/page-000.md").headers["X-Saga-Pending"] == SAGA
        made = server.snapshot(SAGA, second)
        assert tree_of(server.data, made.json()["commit"]) == second

        assert server.undo(SAGA).status_code == 204
        assert filesystem.call("DELETE", f"/files/{PROJECT}", headers={"X-Saga-Id": SAGA}).status_code == 204
        assert main_of(server.data) == kept.json()["commit"]
        assert server.snapshot("saga-2", first).status_code == 201  # the files are again as the first saga left them
        late = server.snapshot(SAGA, second)
        assert (late.status_code, late.json()["type"]) == (409, "saga-compensated")
        assert server.snapshot("saga-3", {"never-saved.md": sha(b"")}).json()["type"] == "locked"
        server.confirm("saga-2")
        assert server.snapshot("saga-3", {"never-saved.md": sha(b"")}).json()["type"] == "file-missing"
    finally:
        server.stop()
