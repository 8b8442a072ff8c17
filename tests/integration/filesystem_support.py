"""A real participant (gunicorn, on a socket that outlives it), filesystem_server unless told else, and a client."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests

from service_kit.names import IDEMPOTENCY_KEY, INTERNAL_TOKEN, SAGA_ID
from service_kit.tokens import KeyRing, TokenMinter

KEYS = "k1:" + "s" * 32
MINTER = TokenMinter(KeyRing.parse(KEYS), "backend", lifetime=600)
DEADLINE_SECONDS = 20.0


def headers(project: str, saga_id: str | None = None, key: str | None = None) -> dict[str, str]:
    """What a coordinator sends along."""
    found = {INTERNAL_TOKEN: MINTER.mint("user-1", project)}
    return found | ({SAGA_ID: saga_id} if saga_id else {}) | ({IDEMPOTENCY_KEY: key} if key else {})


@dataclass
class Server:
    """One gunicorn master with its workers.

    Attributes:
        listener: bound to a free port and inherited by every master that is started, so the address stays the same.
    """

    data: Path
    service: str = "filesystem_server"
    settings: dict[str, str] = field(default_factory=dict)  # besides the keys and the data folder
    workers: int = 1
    wrapper: list[str] = field(default_factory=list)  # command that starts the shell, such as unshare
    limits: str = ""  # shell commands before the start, such as mount
    ready: str = "/readyz"  # what answers 200 when the server can be used
    listener: socket.socket = field(default_factory=lambda: socket.create_server(("127.0.0.1", 0)))
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.listener.getsockname()[1]}"

    def start(self) -> None:
        self.listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # as gunicorn does on its own sockets
        command = f"{self.limits} exec {sys.executable} -m gunicorn '{self.service}.app:create_app()'"
        command += f" -c python:service_kit.gunicorn_conf -w {self.workers} -b fd://{self.listener.fileno()}"
        environment = {**os.environ, "INTERNAL_TOKEN_KEYS": KEYS, "DATA_DIR": str(self.data), **self.settings}
        with (self.data.parent / "server.log").open("ab") as log:
            self.process = subprocess.Popen(
                [*self.wrapper, "sh", "-c", command],
                env=environment,
                cwd=Path(__file__).parents[2],
                pass_fds=[self.listener.fileno()],
                start_new_session=True,
                stderr=log,
            )
        self.wait_ready()

    def wait_ready(self) -> None:
        until = time.monotonic() + DEADLINE_SECONDS
        while time.monotonic() < until:
            try:
                if requests.get(self.url + self.ready, timeout=1).ok:
                    return
            except requests.RequestException:
                assert self.process is not None and self.process.poll() is None, self.log()
        raise AssertionError(f"not ready after {DEADLINE_SECONDS} s: {self.log()}")

    def worker_pids(self) -> list[int]:
        assert self.process is not None
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
        return [int(pid) for pid in children.split()]

    def kill_all(self) -> None:
        """SIGKILL to the master and all workers at once."""
        assert self.process is not None
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def log(self) -> str:
        return (self.data.parent / "server.log").read_text()


@contextmanager
def serving(data: Path, **options: Any) -> Iterator[Server]:
    """A started server, ended with the block."""
    server = Server(data, **options)
    data.mkdir(exist_ok=True)
    try:
        server.start()
        yield server
    finally:
        if server.process is not None and server.process.poll() is None:
            server.kill_all()
        server.listener.close()
