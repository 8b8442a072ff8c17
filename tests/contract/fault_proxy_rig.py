"""What the fault proxy's contract tests share: servers to test, proxies in them, and both ends of a connection.

The suite runs on `chaos.fault_proxy` and on Toxiproxy itself, where `toxiproxy-server` is on PATH or in
`.toxiproxy/` (`make toxiproxy`).
"""

import contextlib
import os
import shutil
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import pytest
import requests

ROOT = Path(__file__).parents[2]
OURS, REAL = "ours", "toxiproxy"
PATIENCE = 5.0
"""Seconds after which something that must happen counts as not happening."""


def tool(name: str) -> str | None:
    """A program of Toxiproxy: on PATH, or where `make toxiproxy` puts it."""
    built = ROOT / ".toxiproxy" / name
    return shutil.which(name) or (str(built) if built.exists() else None)


def eventually(condition: Callable[[], Any], patience: float = PATIENCE) -> Any:
    """The first true value of `condition()`, or its last value when patience is over."""
    deadline = time.monotonic() + patience
    while not (value := condition()) and time.monotonic() < deadline:
        time.sleep(0.005)
    return value


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def connect(address: str) -> socket.socket:
    host, _, port = address.rpartition(":")
    return socket.create_connection((host.strip("[]"), int(port)), PATIENCE)


def receive(sock: socket.socket, count: int) -> bytes:
    """Exactly `count` bytes, fewer only if the stream ends."""
    data = b""
    while len(data) < count and (more := sock.recv(count - len(data))):
        data += more
    return data


def ending(sock: socket.socket, patience: float = PATIENCE) -> str:
    """How the peer ended the stream: "FIN", "RST" or "open" when it did not; data in between is skipped."""
    sock.settimeout(patience)
    try:
        while sock.recv(65536):
            pass
    except ConnectionResetError:
        return "RST"
    except TimeoutError:
        return "open"
    return "FIN"


def reset(sock: socket.socket) -> None:
    """Close with RST."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


class Clock:
    """Seconds since it was made."""

    def __init__(self) -> None:
        self._start = time.monotonic()

    def __call__(self) -> float:
        return time.monotonic() - self._start


class Upstream:
    """A listening socket whose connections the test takes and answers itself."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=2048)
        self._listener.settimeout(PATIENCE)
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self._taken: list[socket.socket] = []

    def accept(self, patience: float = PATIENCE) -> socket.socket:
        self._listener.settimeout(patience)
        sock, _ = self._listener.accept()
        sock.settimeout(PATIENCE)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._taken.append(sock)
        return sock

    def forget(self) -> None:
        """Leave the closing of what was accepted to the test."""
        self._taken.clear()

    def close(self) -> None:
        self._listener.close()
        for sock in self._taken:
            sock.close()


@dataclass
class Link:
    """A proxy in the server under test, in front of an upstream that the test plays."""

    target: "Target"
    name: str
    listen: str
    upstream: Upstream
    clients: list[socket.socket] = field(default_factory=list)

    def connect(self) -> socket.socket:
        client = connect(self.listen)
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.clients.append(client)
        return client

    def pair(self) -> tuple[socket.socket, socket.socket]:
        """Both ends of a new connection: the client's and the server's."""
        client = self.connect()
        return client, self.upstream.accept()

    def add(self, kind: str, stream: str = "downstream", **attributes: Any) -> dict[str, Any]:
        """Add a toxic; `name` and `toxicity` among the attributes are the toxic's own."""
        own = {key: attributes.pop(key) for key in ("name", "toxicity") if key in attributes}
        body = {"type": kind, "stream": stream, "attributes": attributes, **own}
        return self.target.post(f"/proxies/{self.name}/toxics", body, expect=200)

    def patch(self, toxic: str, body: dict[str, Any]) -> dict[str, Any]:
        return self.target.call("PATCH", f"/proxies/{self.name}/toxics/{toxic}", body, expect=200).json()

    def remove(self, toxic: str) -> None:
        self.target.call("DELETE", f"/proxies/{self.name}/toxics/{toxic}", expect=204)

    def update(self, **fields: Any) -> dict[str, Any]:
        return self.target.post(f"/proxies/{self.name}", fields, expect=200)

    def close(self) -> None:
        for client in self.clients:
            client.close()
        self.upstream.close()


class Target:
    """A running server under test."""

    def __init__(self, kind: str, *flags: str) -> None:
        self.kind = kind
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._links: list[Link] = []
        self._session = requests.Session()
        command = [sys.executable, "-m", "chaos.fault_proxy"] if kind == OURS else [str(tool("toxiproxy-server"))]
        self.process = subprocess.Popen(
            [*command, "-host", "127.0.0.1", "-port", str(self.port), *flags],
            cwd=ROOT,
            env={**os.environ, "LOG_LEVEL": "error"},
            stdout=subprocess.PIPE,
        )
        if not eventually(self._answers, 15):
            raise RuntimeError(f"{kind} did not start")

    @property
    def is_ours(self) -> bool:
        return self.kind == OURS

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        raw: bytes | None = None,
        expect: int | None = None,
        **more: Any,
    ) -> requests.Response:
        """One API call; `raw` sends bytes as they are, `expect` asserts the status."""
        if raw is not None:
            more["data"] = raw
        elif body is not None:
            more["json"] = body
        answer = self._session.request(method, self.url + path, timeout=PATIENCE * 2, **more)
        assert expect is None or answer.status_code == expect, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer

    def get(self, path: str) -> Any:
        return self.call("GET", path, expect=200).json()

    def post(self, path: str, body: Any, *, expect: int) -> Any:
        return self.call("POST", path, body, expect=expect).json()

    def link(self, name: str = "link", **fields: Any) -> Link:
        """A new proxy in front of a new upstream."""
        upstream = Upstream()
        body = {"name": name, "listen": "127.0.0.1:0", "upstream": upstream.address, **fields}
        created = self.post("/proxies", body, expect=201)
        found = Link(self, name, created["listen"], upstream)
        self._links.append(found)
        return found

    def clear(self) -> None:
        """Remove every proxy."""
        for found in self._links:
            found.close()
        self._links.clear()
        for name in self.get("/proxies"):  # one with a slash in its name cannot be addressed, and stays
            self.call("DELETE", f"/proxies/{requests.utils.quote(name, safe='')}")

    def sockets(self) -> int:
        """Sockets that the server's process holds open, listeners not counted."""
        connections = psutil.Process(self.process.pid).net_connections("inet")
        return sum(item.status != psutil.CONN_LISTEN for item in connections)

    def memory(self) -> int:
        """Resident bytes."""
        return int(psutil.Process(self.process.pid).memory_info().rss)

    def stop(self) -> int:
        """Ask it to stop; its exit status."""
        self._session.close()
        self.process.terminate()
        try:
            return self.process.wait(PATIENCE * 2)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise
        finally:
            if self.process.stdout is not None:
                self.process.stdout.close()

    def _answers(self) -> bool:
        with contextlib.suppress(requests.RequestException):
            return self._session.get(f"{self.url}/version", timeout=1).ok
        return False


@contextlib.contextmanager
def running(kind: str, *flags: str) -> Iterator[Target]:
    """A server for one test; skips where it is Toxiproxy and Toxiproxy is not there."""
    if kind == REAL and tool("toxiproxy-server") is None:
        pytest.skip("toxiproxy-server is neither on PATH nor in .toxiproxy/: run `make toxiproxy`")
    target = Target(kind, *flags)
    try:
        yield target
    finally:
        target.stop()


@pytest.fixture(scope="module", params=[OURS, pytest.param(REAL, marks=pytest.mark.toxiproxy)])
def servers(request: pytest.FixtureRequest) -> Iterator[Target]:
    with running(request.param) as target:
        yield target


@pytest.fixture
def target(servers: Target) -> Iterator[Target]:
    """Ours, then Toxiproxy; empty."""
    yield servers
    servers.clear()


@pytest.fixture(scope="module")
def our_server() -> Iterator[Target]:
    with running(OURS) as target:
        yield target


@pytest.fixture
def ours(our_server: Target) -> Iterator[Target]:
    """Only ours; empty."""
    yield our_server
    our_server.clear()


@pytest.fixture(scope="module")
def counting_server() -> Iterator[Target]:
    with running(OURS, "-proxy-metrics") as target:
        yield target


@pytest.fixture
def counted(counting_server: Target) -> Iterator[Target]:
    """Only ours; its sockets and connections are counted after the test."""
    counting_server.get("/version")
    sockets = counting_server.sockets
    before = sockets()
    yield counting_server
    counting_server.clear()
    assert eventually(lambda: sockets() <= before, 10), f"{sockets() - before} sockets leaked"
    assert counting_server.process.poll() is None
