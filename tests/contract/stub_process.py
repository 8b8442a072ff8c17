"""A service under a real gunicorn, on a socket that the test holds: no port is guessed and no start waited for.

A request that comes before the worker is ready waits in the socket's queue; the socket outlives a killed server, so a
restarted one answers at the same address.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psutil
import requests

from service_kit.tokens import KeyRing, TokenMinter

KEYS = "k1:" + "s" * 40
DEADLINE = 30.0
START = 20.0  # seconds to a service's first answer on two busy cores


def internal_token(project: str = "*", issuer: str = "backend") -> str:
    """A fresh internal token."""
    return TokenMinter(KeyRing.parse(KEYS), issuer).mint("user-1", project)


class Server:
    """A running server and a session of calls to it; who makes one adds credentials that it takes."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._session = requests.Session()

    def call(self, method: str, path: str, body: Any = None, **more: Any) -> requests.Response:
        """One request; ``body`` is sent as JSON."""
        return self._session.request(method, self.url + path, json=body, timeout=DEADLINE, **more)

    def send(self, method: str, path: str, *, json: Any = None, headers: Any = None) -> requests.Response:
        """The port of the backend's client."""
        return self.call(method, path, json, headers=headers)

    def close(self) -> None:
        self._session.close()


class StubProcess:
    """One gunicorn with one worker, in a process group of its own."""

    def __init__(self, module: str, data_dir: Path, environment: Mapping[str, str] | None = None) -> None:
        self._module, self._data_dir, self._environment = module, data_dir, dict(environment or {})
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self._process: subprocess.Popen[bytes] | None = None
        self.log = data_dir.with_suffix(".log")

    def start(self) -> StubProcess:
        """Start it, and wait for its first answer."""
        descriptor = self._socket.fileno()
        own = {"INTERNAL_TOKEN_KEYS": KEYS, "DATA_DIR": str(self._data_dir)}
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "gunicorn", f"{self._module}.app:create_app()"),
                    *("-c", "python:service_kit.gunicorn_conf", "-b", f"fd://{descriptor}"),
                ],
                pass_fds=[descriptor],
                env={**os.environ, **own, **self._environment},
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        assert requests.get(f"{self.url}/readyz", timeout=START).status_code == 200, self.log.read_text()
        return self

    def kill(self) -> None:
        """kill -9, master and worker."""
        assert self._process is not None
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait(DEADLINE)

    def let_files_grow_to(self, size: int | None) -> None:
        """Writes beyond ``size`` bytes of a file fail as on a full disk; None lifts that. Needs no rights, no mount."""
        assert self._process is not None
        master = psutil.Process(self._process.pid)
        for each in (master, *master.children()):
            hard = each.rlimit(psutil.RLIMIT_FSIZE)[1]
            each.rlimit(psutil.RLIMIT_FSIZE, (hard if size is None else size, hard))

    def stop(self) -> None:
        """A graceful end, and the socket's."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(DEADLINE)
            except subprocess.TimeoutExpired:
                self.kill()
        self._socket.close()
