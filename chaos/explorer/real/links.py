"""The links of a real stage: the fault proxy as a process of its own, and what it is told."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import requests

HOST = "127.0.0.1"
START_LIMIT = 60.0  # seconds
POLL = 0.02


class CannotStart(Exception):
    """A process of the stage did not come up; the message has the end of its log."""


class FaultProxy:
    """The project's own fault proxy (``http_fault`` is what it is needed for). Close it."""

    def __init__(self, log: Path, environment: Mapping[str, str]) -> None:
        self._log, port = log, free_port()
        self.url = f"http://{HOST}:{port}"
        self._session = requests.Session()
        self._session.trust_env = False
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "chaos.fault_proxy", "-host", HOST, "-port", str(port)],
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )

    def wait(self) -> None:
        """Until it answers. Raises CannotStart."""
        deadline = time.monotonic() + START_LIMIT
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise CannotStart(f"the fault proxy did not start: {self._log.read_text()[-500:]}")
            time.sleep(POLL)

    def add_link(self, name: str, upstream_port: int) -> str:
        """A link to a port of this machine; the URL that leads through it."""
        link = {"name": name, "listen": f"{HOST}:0", "upstream": f"{HOST}:{upstream_port}", "enabled": True}
        return f"http://{self._call('POST', '/proxies', link)['listen']}"

    def add_fault(self, link: str, name: str, attributes: Mapping[str, Any]) -> None:
        """One ``http_fault``."""
        self._call("POST", f"/proxies/{link}/toxics", {"type": "http_fault", "name": name, "attributes": attributes})

    def remove_fault(self, link: str, name: str) -> None:
        """Take it away again; a request that it holds is delivered at once."""
        self._call("DELETE", f"/proxies/{link}/toxics/{name}")

    def heal(self) -> None:
        """Take every fault away."""
        self._call("POST", "/reset")

    def close(self) -> None:
        self._session.close()  # first: an open connection would be waited for
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _answers(self) -> bool:
        try:
            return bool(self._session.get(f"{self.url}/version", timeout=5).ok)
        except requests.RequestException:
            return False

    def _call(self, method: str, path: str, body: object = None) -> Any:
        answer = self._session.request(method, self.url + path, json=body, timeout=30)
        answer.raise_for_status()
        return answer.json() if answer.content else None


def free_port() -> int:
    """One that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port
