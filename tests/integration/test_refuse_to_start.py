"""A service that cannot protect anything, or lacks what it needs, does not start: the process ends and says why."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
GOOD = "k1:" + "s" * 40
SHORT = "k1:" + "t" * 31
NO_URL = "http://127.0.0.1:9"
KEYS = {"INTERNAL_TOKEN_KEYS": GOOD}
GIT = KEYS | {"FILESYSTEM_URL": NO_URL}
BACKEND = KEYS | {
    "USER_TOKEN_KEYS": GOOD,
    **dict.fromkeys(("FILESYSTEM_URL", "GIT_URL", "CHROMA_URL", "NEO4J_URL"), NO_URL),
}
SERVICES = {
    "filesystem_server": KEYS,
    "git_server": GIT,
    "chroma_stub": KEYS,
    "neo4j_stub": KEYS,
    "backend": BACKEND,
    "backend.worker": BACKEND,
}
# service, settings that are changed (None: left out), what the message names
REFUSED = [
    *((service, {"INTERNAL_TOKEN_KEYS": SHORT}, "INTERNAL_TOKEN_KEYS") for service in SERVICES),
    *((service, {"INTERNAL_TOKEN_KEYS": None}, "INTERNAL_TOKEN_KEYS") for service in SERVICES),
    ("backend", {"USER_TOKEN_KEYS": SHORT}, "USER_TOKEN_KEYS"),
    ("backend", {"USER_TOKEN_KEYS": None, "GIT_URL": None}, "USER_TOKEN_KEYS: Field required; GIT_URL"),
    *(("backend", {"SAGA_LOG_URL": url}, "SAGA_LOG_URL: Value error, ") for url in ("", "nonsense", "sqlite://")),
    ("git_server", {"INTERNAL_TOKEN_KEYS": ""}, "INTERNAL_TOKEN_KEYS"),
    ("git_server", {"FILESYSTEM_URL": "nonsense"}, "FILESYSTEM_URL"),
    ("git_server", {"READING_TIMEOUT": "0"}, "READING_TIMEOUT"),
    ("git_server", {"PATH": "/nonexistent"}, "there is no git on PATH"),
    ("filesystem_server", {"BARRIER_KEEP_DAYS": "-1"}, "BARRIER_KEEP_DAYS"),
]
EVERYDAY = REFUSED[:7]  # each start costs a second of processor time


def command(service: str) -> list[str]:
    if service == "backend.worker":
        return [sys.executable, "-m", "backend.worker"]
    settings = ["-c", "python:service_kit.gunicorn_conf", "-b", "127.0.0.1:0"]
    return [sys.executable, "-m", "gunicorn", f"{service}.app:create_app()", *settings]


def run(service: str, data: Path, changes: dict[str, str | None]) -> subprocess.CompletedProcess[str]:
    """Start the service, which is expected to end by itself."""
    wanted = {"DATA_DIR": str(data), "SAGA_LOG_URL": f"sqlite:///{data}/log.sqlite3", **SERVICES[service], **changes}
    mine = {name: value for name, value in os.environ.items() if name not in wanted}
    env = mine | {name: value for name, value in wanted.items() if value is not None}
    return subprocess.run(command(service), env=env, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize(
    ("service", "changes", "named"),
    [pytest.param(*case, marks=() if case in EVERYDAY else pytest.mark.slow) for case in REFUSED],
)
def test_the_process_ends_and_names_what_is_wrong(
    service: str, changes: dict[str, str | None], named: str, tmp_path: Path
) -> None:
    done = run(service, tmp_path, changes)
    assert done.returncode == 3, done.stderr
    assert "cannot start" in done.stderr and named in done.stderr
    assert "Traceback" not in done.stderr
    assert all(secret.partition(":")[2] not in done.stderr + done.stdout for secret in (GOOD, SHORT))
    assert "nonsense" not in done.stderr
    assert {path.name for path in tmp_path.iterdir()} <= {".home", ".locks"}, "nothing of a service is there"


def test_a_git_that_cannot_force_refs_to_disk_is_refused(tmp_path: Path) -> None:
    old = tmp_path / "bin" / "git"
    old.parent.mkdir()
    old.write_text("#!/bin/sh\necho git version 2.30.2\n")
    old.chmod(0o755)
    done = run("git_server", tmp_path / "data", {"PATH": f"{old.parent}:{os.environ['PATH']}"})
    assert done.returncode == 3 and "too old" in done.stderr and "Traceback" not in done.stderr
