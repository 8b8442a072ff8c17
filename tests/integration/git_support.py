"""A git_server on the wire, and a filesystem_server double that answers as its contract says, or misbehaves."""

from __future__ import annotations

import contextlib
import hashlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests
from flask import Flask, Response, request

from git_server.app import create_app
from git_server.settings import Settings
from service_kit.tokens import KeyRing, TokenMinter, TokenRefused, TokenVerifier
from tests.integration.filesystem_support import KEYS
from tests.support.serving import serving

RING = KeyRing.parse(KEYS)
PROJECT = "proj-1"
GOOD_SHA = "0" * 64
DEADLINE = 20.0


def token(project: str = PROJECT, user: str = "user-1", issuer: str = "backend") -> str:
    return TokenMinter(RING, issuer).mint(user, project)


def sha(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def snap(saga_id: str) -> str:
    """The formula of git_server/README.md, written again on purpose."""
    return "snap-" + hashlib.sha256(saga_id.encode()).hexdigest()[:16]


def pages(count: int, seed: object = "") -> dict[str, bytes]:
    """``count`` files of about 2 KiB in five folders."""
    return {
        f"part-{i % 5}/page-{i:03}.md": b"".join(sha(f"{seed}-{i}-{j}".encode()).encode() + b"\n" for j in range(31))
        for i in range(count)
    }


@dataclass
class FakeFiles:
    """Files by (project, name), the requests that came, and what to do instead of answering well."""

    files: dict[tuple[str, str], bytes] = field(default_factory=dict)
    seen: list[dict[str, str]] = field(default_factory=list)
    misbehave: Callable[[str], Response | None] = lambda _name: None
    url: str = ""

    def put(self, files: dict[str, bytes], project: str = PROJECT) -> dict[str, str]:
        """Store files; returns name to sha256, as a snapshot wants it."""
        self.files |= {(project, name): content for name, content in files.items()}
        return {name: sha(content) for name, content in files.items()}

    def app(self) -> Flask:
        app = Flask("files")
        verifier = TokenVerifier(RING, ("backend", "git_server"))

        @app.get("/file/<project>/<path:name>")
        def get_file(project: str, name: str) -> Response:
            self.seen.append(dict(request.headers))
            try:
                caller = verifier.verify(request.headers.get("X-INTERNAL-TOKEN", ""))
            except TokenRefused:
                return Response("{}", 401)
            if not caller.covers(project):
                return Response("{}", 403)
            if (odd := self.misbehave(name)) is not None:
                return odd
            content = self.files.get((project, name))
            if content is None:
                return Response('{"type": "not-found"}', 404, content_type="application/problem+json")
            return Response(content, content_type="application/octet-stream", headers={"ETag": f'"{sha(content)}"'})

        return app


@contextlib.contextmanager
def fake_filesystem() -> Iterator[FakeFiles]:
    fake = FakeFiles()
    with serving(fake.app()) as fake.url:
        yield fake


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@dataclass
class Running:
    """A gunicorn with git_server in it."""

    url: str
    data: Path
    process: subprocess.Popen[bytes]

    def call(self, method: str, path: str, project: str = PROJECT, **kwargs: object) -> requests.Response:
        headers = {"X-INTERNAL-TOKEN": token(project)} | kwargs.pop("headers", {})  # type: ignore[operator]
        with requests.Session() as session:
            session.trust_env = False
            return session.request(method, self.url + path, headers=headers, timeout=DEADLINE, **kwargs)  # type: ignore[arg-type]

    def snapshot(
        self, saga_id: str, files: dict[str, str], project: str = PROJECT, **more: object
    ) -> requests.Response:
        body = {"saga_id": saga_id, "message": "a wiki", "files": files} | more
        return self.call("POST", f"/snapshot/{project}", project, json=body)

    def undo(self, saga_id: str, project: str = PROJECT) -> requests.Response:
        return self.call("DELETE", f"/snapshot/{project}/{snap(saga_id)}", project, headers={"X-Saga-Id": saga_id})

    def confirm(self, saga_id: str, project: str = PROJECT) -> requests.Response:
        return self.call("POST", f"/saga/{saga_id}/confirm", project)

    def workers(self) -> list[int]:
        """The process ids of gunicorn's workers."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return [int(child) for child in children]

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(DEADLINE)


def environment(data: Path, filesystem_url: str, **more: str) -> dict[str, str]:
    return os.environ | {
        "INTERNAL_TOKEN_KEYS": KEYS,
        "DATA_DIR": str(data),
        "FILESYSTEM_URL": filesystem_url,
        **more,
    }


def start(data: Path, filesystem_url: str, workers: int = 1, **env: str) -> Running:
    """Start gunicorn and wait until it answers."""
    port = free_port()
    command = [
        sys.executable,
        "-m",
        "gunicorn",
        "git_server.app:create_app()",
        "-c",
        "python:service_kit.gunicorn_conf",
    ]
    process = subprocess.Popen(
        [*command, "-b", f"127.0.0.1:{port}", "-w", str(workers)], env=environment(data, filesystem_url, **env)
    )
    running = Running(f"http://127.0.0.1:{port}", data, process)
    deadline = time.monotonic() + DEADLINE
    while time.monotonic() < deadline:
        with contextlib.suppress(requests.ConnectionError):
            if running.call("GET", "/healthz").ok:
                return running
        if process.poll() is not None:
            break
        time.sleep(0.02)
    running.stop()
    raise RuntimeError("git_server did not start")


def git(repository: Path, *args: str) -> str:
    """Run git as any user would, on the repository itself."""
    done = subprocess.run(["git", "-C", str(repository), *args], capture_output=True, text=True, check=False)
    assert done.returncode == 0, (args, done.stderr)
    return done.stdout.strip()


def main_of(data: Path, project: str = PROJECT) -> str | None:
    repository = data / f"{project}.git"
    return (
        git(repository, "for-each-ref", "--format=%(objectname)", "refs/heads/main") or None
        if repository.exists()
        else None
    )


def assert_sound(data: Path, project: str = PROJECT) -> None:
    """The repository passes fsck, and has no ref but main."""
    repository = data / f"{project}.git"
    if repository.exists():
        git(repository, "fsck", "--strict", "--full")
        assert set(git(repository, "for-each-ref", "--format=%(refname)").split()) <= {"refs/heads/main"}


def tree_of(data: Path, commit: str, project: str = PROJECT) -> dict[str, str]:
    """File name to sha256 of a commit, read by git."""
    repository = data / f"{project}.git"
    names = git(repository, "ls-tree", "-r", "-z", "--name-only", commit).split("\0")
    show = ["git", "-C", str(repository), "cat-file", "blob"]
    return {name: sha(subprocess.check_output([*show, f"{commit}:{name}"])) for name in names if name}


def make_app(data: Path, url: str = "http://127.0.0.1:9", **more: Any) -> Flask:
    """git_server in this process; by default nobody is at its filesystem_server."""
    return create_app(Settings(internal_token_keys=KEYS, data_dir=data, filesystem_url=url, **more))


def body(**changes: object) -> dict[str, object]:
    """Of a snapshot that is right but for ``changes``."""
    return {"saga_id": "s", "message": "m", "files": {"a": GOOD_SHA}} | changes
