"""Both participants as real processes, with bodies that never end, or grow without end."""

from __future__ import annotations

import gzip
import json
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import psutil
import pytest
import requests

from service_kit.names import INTERNAL_TOKEN
from tests.integration.filesystem_story import P
from tests.integration.filesystem_support import MINTER, Server, headers, serving

MiB = 1024 * 1024
PATHS = {"filesystem_server": "/save_file", "git_server": f"/snapshot/{P}"}
SERVICES = pytest.mark.parametrize("service", PATHS)
MAX_MEMORY_GROWTH = 300 * MiB


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Server]]:
    """One of each; no test of this module that uses them has an effect."""
    nowhere = {"FILESYSTEM_URL": "http://127.0.0.1:9"}
    with ExitStack() as stack:
        found = {}
        for service in PATHS:
            data = tmp_path_factory.mktemp(service) / "data"
            started = serving(data, service=service, settings=nowhere, ready="/healthz")
            found[service] = stack.enter_context(started)
        yield found


def refused(server: Server, service: str, data: object, status: int, **more: str) -> requests.Response:
    sent = {**headers(P), "Content-Type": "application/json", **more}
    answer = requests.post(server.url + PATHS[service], data=data, headers=sent, timeout=30)
    assert (answer.status_code, answer.headers["Content-Type"]) == (status, "application/problem+json"), answer.text
    assert "Traceback" not in answer.text + server.log()
    assert list(server.data.glob(f"{P}*")) == []
    return answer


def memory(server: Server) -> int:
    """Bytes that the worker holds."""
    (worker,) = server.worker_pids()
    return psutil.Process(worker).memory_info().rss


@SERVICES
def test_a_body_that_would_fill_the_memory_is_refused_first(servers: dict[str, Server], service: str) -> None:
    server = servers[service]
    before = memory(server)
    for bomb in (b"{}," * (10 * MiB), b"[" * (31 * MiB), b'"a",' * (7 * MiB)):
        refused(server, service, b'{"files": [' + bomb + b"{}]}", 400)
    assert memory(server) - before < MAX_MEMORY_GROWTH


@SERVICES
def test_a_compressed_bomb_is_not_unpacked(servers: dict[str, Server], service: str) -> None:
    bomb = gzip.compress(json.dumps({"content": "x" * (64 * MiB)}).encode())
    refused(servers[service], service, bomb, 400, **{"Content-Encoding": "gzip"})


@SERVICES
def test_a_body_without_end_is_cut_off_at_the_limit(servers: dict[str, Server], service: str) -> None:
    """Sent in chunks it has no length that could be refused beforehand."""
    refused(servers[service], service, (b"x" * MiB for _ in range(33)), 413)


@SERVICES
@pytest.mark.parametrize("depth", [33, 100_000])
def test_a_body_nested_too_deep_is_refused(servers: dict[str, Server], service: str, depth: int) -> None:
    refused(servers[service], service, '{"a":' * depth + "1" + "}" * depth, 400)


def stall(server: Server, service: str) -> None:
    """More clients than the server has threads stop in mid-body; others are served, and the stalled get a 408."""
    lines = [f"POST {PATHS[service]} HTTP/1.1", "Host: x", "Content-Type: application/json", "Content-Length: 100"]
    head = "\r\n".join([*lines, f"{INTERNAL_TOKEN}: {MINTER.mint('u', P)}"])
    stalled = [socket.create_connection(server.listener.getsockname(), timeout=20) for _ in range(9)]
    for client in stalled:
        client.sendall(f'{head}\r\n\r\n{{"saga_id":'.encode())
    started = time.monotonic()
    assert requests.get(server.url + "/healthz", timeout=20).ok
    assert time.monotonic() - started < 15
    first = stalled[0].recv(4096)
    for client in stalled:
        client.close()
    assert b" 408 " in first.splitlines()[0] and b"application/problem+json" in first


def test_clients_that_stop_in_mid_body_get_a_408_and_free_their_threads(servers: dict[str, Server]) -> None:
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda service: stall(servers[service], service), PATHS))
