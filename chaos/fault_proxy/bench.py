"""Speed beside Toxiproxy itself, in one run: `python -m chaos.fault_proxy.bench [--json] [--rounds N]`.

Echo round trips, short connections and a bulk transfer go straight to a server, through this proxy and, where
`toxiproxy-server` is on PATH or in `.toxiproxy/`, through Toxiproxy. Rounds take turns, so that a busy moment of the
machine hits all of them; the median of the rounds counts.
"""

import argparse
import asyncio
import contextlib
import json
import shutil
import socket
import statistics
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import cast

import uvloop

ECHOES = 2000
"""Round trips of one byte in one round."""
SHORT_SECONDS = 1.0
BULK_BYTES = 256 * 1024 * 1024
BLOCK = bytes(1024 * 1024)
TARGETS = {"echo_p50_us": 2.0, "echo_p99_us": 2.0, "short_per_s": 0.5, "bulk_mb_per_s": 0.4}
"""Limits of ours : Toxiproxy; at most for times, at least for rates."""


@dataclass(frozen=True)
class Figures:
    """One way's speed: microseconds, connections per second, megabytes (10^6) per second."""

    echo_p50_us: float
    echo_p99_us: float
    short_per_s: float
    bulk_mb_per_s: float


# --- the server behind the proxies, a process of its own ----------------------------------------------------------


class _Echo(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._transport.write(data)


def _swallow(listener: socket.socket) -> None:
    """Read each connection to BULK_BYTES and say so with one byte."""
    buffer = bytearray(len(BLOCK))
    while True:
        sock, _ = listener.accept()
        with sock, contextlib.suppress(OSError):
            left = BULK_BYTES
            while left > 0 and (count := sock.recv_into(buffer)):
                left -= count
            sock.sendall(b".")


async def _serve() -> None:
    sink = socket.create_server(("127.0.0.1", 0))
    threading.Thread(target=_swallow, args=(sink,), daemon=True).start()
    server = await asyncio.get_running_loop().create_server(_Echo, "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], sink.getsockname()[1], flush=True)
    await server.serve_forever()


# --- measuring ------------------------------------------------------------------------------------------------------


def _connect(port: int) -> socket.socket:
    sock = socket.create_connection(("127.0.0.1", port), 10)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock


def _echo(port: int) -> tuple[float, float]:
    times = []
    with _connect(port) as sock:
        for _ in range(ECHOES):
            start = time.perf_counter_ns()
            sock.sendall(b"x")
            sock.recv(1)
            times.append(time.perf_counter_ns() - start)
    times.sort()
    return times[len(times) // 2] / 1000, times[len(times) * 99 // 100] / 1000


def _short(port: int) -> float:
    count, start = 0, time.perf_counter()
    while time.perf_counter() - start < SHORT_SECONDS:
        with _connect(port) as sock:
            sock.sendall(b"x")
            sock.recv(1)
        count += 1
    return count / (time.perf_counter() - start)


def _bulk(port: int) -> float:
    start = time.perf_counter()
    with _connect(port) as sock:
        for _ in range(BULK_BYTES // len(BLOCK)):
            sock.sendall(BLOCK)
        sock.recv(1)
    return BULK_BYTES / 1e6 / (time.perf_counter() - start)


def _round(ports: tuple[int, int]) -> Figures:
    p50, p99 = _echo(ports[0])
    return Figures(p50, p99, _short(ports[0]), _bulk(ports[1]))


def _median(rounds: list[Figures]) -> Figures:
    columns = zip(*(asdict(figures).values() for figures in rounds), strict=True)
    return Figures(*(round(statistics.median(column), 1) for column in columns))


# --- the proxies -----------------------------------------------------------------------------------------------------


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        return int(sock.getsockname()[1])


def _reference() -> str | None:
    built = Path(".toxiproxy/toxiproxy-server").resolve()
    return shutil.which("toxiproxy-server") or (str(built) if built.exists() else None)


def _create(api: int, upstream: int) -> int:
    """A proxy in front of a port of the server; its own port."""
    body = {"name": f"to-{upstream}", "listen": "127.0.0.1:0", "upstream": f"127.0.0.1:{upstream}"}
    request = urllib.request.Request(f"http://127.0.0.1:{api}/proxies", json.dumps(body).encode())
    with urllib.request.urlopen(request, timeout=5) as answer:  # noqa: S310
        return int(json.load(answer)["listen"].rpartition(":")[2])


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + 15
    while True:
        try:
            _connect(port).close()
            return
        except ConnectionRefusedError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)


@contextlib.contextmanager
def _proxied(command: list[str], upstreams: tuple[int, int]) -> Iterator[tuple[int, int]]:
    """Run a proxy server in front of the two ports."""
    api = _free_port()
    process = subprocess.Popen([*command, "-host", "127.0.0.1", "-port", str(api)], stdout=subprocess.DEVNULL)
    try:
        _wait_for(api)
        yield _create(api, upstreams[0]), _create(api, upstreams[1])
    finally:
        process.terminate()
        process.wait()


def measure(rounds: int, report: Callable[[str], None]) -> dict[str, Figures]:
    """Figures of "direct", "ours" and, where it is there, "toxiproxy"."""
    server = subprocess.Popen([sys.executable, "-m", __spec__.name, "--serve"], stdout=subprocess.PIPE, text=True)
    with contextlib.ExitStack() as stack:
        stack.callback(server.wait)
        stack.callback(server.terminate)
        if server.stdout is None:
            raise RuntimeError("the bench's server has no output")
        echo, sink = map(int, server.stdout.readline().split())
        ways = {"direct": (echo, sink)}
        ours = [sys.executable, "-m", "chaos.fault_proxy"]
        ways["ours"] = stack.enter_context(_proxied(ours, (echo, sink)))
        if (reference := _reference()) is not None:
            ways["toxiproxy"] = stack.enter_context(_proxied([reference], (echo, sink)))
        found: dict[str, list[Figures]] = {way: [] for way in ways}
        for number in range(rounds):
            for way, ports in ways.items():
                report(f"round {number + 1} of {rounds}: {way}")
                found[way].append(_round(ports))
        return {way: _median(figures) for way, figures in found.items()}


def ratios(found: dict[str, Figures]) -> dict[str, float]:
    """Ours : Toxiproxy; empty without Toxiproxy."""
    if "toxiproxy" not in found:
        return {}
    ours, theirs = asdict(found["ours"]), asdict(found["toxiproxy"])
    return {name: round(ours[name] / theirs[name], 2) for name in ours}


def met(found: dict[str, float]) -> dict[str, bool]:
    """Which targets the ratios meet."""
    return {
        name: value <= TARGETS[name] if name.endswith("_us") else value >= TARGETS[name]
        for name, value in found.items()
    }


def _table(found: dict[str, Figures]) -> str:
    compared, within = ratios(found), met(ratios(found))
    lines = [f"{'':16}{''.join(f'{way:>12}' for way in found)}{'ratio':>10}{'target':>10}"]
    for name, limit in TARGETS.items():
        values = "".join(f"{asdict(figures)[name]:12.1f}" for figures in found.values())
        sign = "<=" if name.endswith("_us") else ">="
        ratio = f"{compared[name]:10.2f}{f'{sign} {limit}':>10}{'' if within[name] else '  missed'}" if compared else ""
        lines.append(f"{name:16}{values}{ratio}")
    if not compared:
        lines.append("toxiproxy-server is neither on PATH nor in .toxiproxy/: no ratios")
    return "\n".join(lines)


def main(arguments: list[str] | None = None) -> int:
    """Exit status 0; 1 if a target was missed."""
    parser = argparse.ArgumentParser(prog="python -m chaos.fault_proxy.bench", description="Speed beside Toxiproxy")
    parser.add_argument("--json", action="store_true", help="figures, ratios and targets as JSON on stdout")
    parser.add_argument("--rounds", type=int, default=5, help="rounds of about 3 s per way (default 5)")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    chosen = parser.parse_args(arguments)
    if chosen.serve:
        with contextlib.suppress(KeyboardInterrupt):
            uvloop.run(_serve())
        return 0
    found = measure(chosen.rounds, lambda line: print(line, file=sys.stderr))
    within = met(ratios(found))
    if chosen.json:
        figures = {way: asdict(value) for way, value in found.items()}
        print(json.dumps({"figures": figures, "ratios": ratios(found), "targets": TARGETS, "met": within}))
    else:
        print(_table(found))
    return 0 if all(within.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
