"""What a save through filesystem_server costs, beside plain ``open/write/fsync/rename`` in a loop, paired in one run.

    python -m testbed.bench_participants [--rounds N] [--files N] [--bytes N] [--workers N] [--json]

Each round does, directly one after the other: the plain loop, one call for each file, one batch call, confirm and undo
of what was saved. Reported are medians over the rounds, and of the ratios within a round.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import secrets
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from service_kit.names import INTERNAL_TOKEN, SAGA_ID
from service_kit.tokens import KeyRing, TokenMinter

PROJECT = "bench"
START_SECONDS = 20.0


@dataclass
class Client:
    """One kept-alive connection. A call that is not a success ends the benchmark."""

    connection: http.client.HTTPConnection
    token: str

    def call(self, method: str, path: str, body: object = None, saga_id: str | None = None) -> None:
        sent = {INTERNAL_TOKEN: self.token, "Content-Type": "application/json"}
        sent |= {SAGA_ID: saga_id} if saga_id else {}
        self.connection.request(method, path, json.dumps(body) if body is not None else None, sent)
        response = self.connection.getresponse()
        text = response.read()
        if response.status >= 300:
            raise SystemExit(f"{method} {path}: {response.status} {text!r}")


@contextmanager
def server(data: Path, workers: int) -> Iterator[Client]:
    """A gunicorn filesystem_server on a free port, ended with the block."""
    keys = f"bench:{secrets.token_hex(32)}"
    with socket.create_server(("127.0.0.1", 0)) as listener:
        # As gunicorn does on sockets of its own; without it each answer waits for a delayed ACK (40 ms).
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        command = [sys.executable, "-m", "gunicorn", "filesystem_server.app:create_app()"]
        command += ["-c", "python:service_kit.gunicorn_conf", "-w", str(workers), "-b", f"fd://{listener.fileno()}"]
        environment = {**os.environ, "INTERNAL_TOKEN_KEYS": keys, "DATA_DIR": str(data)}
        process = subprocess.Popen(command, env=environment, pass_fds=[listener.fileno()])
        try:
            # Connections wait in the listener's queue until the first worker takes them.
            host, port = listener.getsockname()
            connection = http.client.HTTPConnection(host, port, timeout=START_SECONDS)
            minter = TokenMinter(KeyRing.parse(keys), "testbed", lifetime=3600)
            client = Client(connection, minter.mint("bench", PROJECT))
            client.call("GET", "/readyz")
            yield client
            connection.close()
        finally:
            process.terminate()
            process.wait()


def plain(folder: Path, contents: dict[str, str]) -> None:
    """Each file written beside its place, forced, and renamed."""
    folder.mkdir()
    for name, content in contents.items():
        beside = folder / f"{name}.new"
        with beside.open("w") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        beside.rename(folder / name)


def seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def one_round(number: int, client: Client, folder: Path, contents: dict[str, str]) -> dict[str, float]:
    """Seconds of each way to save the same files."""

    def single(saga_id: str | None) -> None:
        for name, content in contents.items():
            body = {"project_id": PROJECT, "filename": f"{saga_id}/{number}-{name}", "content": content}
            client.call("POST", "/save_file", body, saga_id)

    def batch(saga_id: str) -> None:
        rows = [{"filename": f"{saga_id}/{name}", "content": content} for name, content in contents.items()]
        client.call("POST", f"/files/{PROJECT}", {"saga_id": saga_id, "files": rows})

    one, many, undone = f"single-{number}", f"batch-{number}", f"undone-{number}"
    spent = {
        "plain loop": seconds(lambda: plain(folder / str(number), contents)),
        "single saves of a saga": seconds(lambda: single(one)),
        "batch save of a saga": seconds(lambda: batch(many)),
        "confirm": seconds(lambda: client.call("POST", f"/saga/{many}/confirm")),
        "single plain saves": seconds(lambda: single(None)),
    }
    client.call("POST", f"/saga/{one}/confirm")
    batch(undone)
    spent["batch undo"] = seconds(lambda: client.call("DELETE", f"/files/{PROJECT}", saga_id=undone))
    return spent


def report(rounds: list[dict[str, float]], files: int) -> dict[str, dict[str, float]]:
    """For each way: files per second, milliseconds for all files, and its speed as a multiple of the plain loop's."""
    return {
        way: {
            "files_per_second": round(files / statistics.median(r[way] for r in rounds), 1),
            "milliseconds": round(1000 * statistics.median(r[way] for r in rounds), 2),
            "times_plain": round(statistics.median(r["plain loop"] / r[way] for r in rounds), 2),
        }
        for way in rounds[0]
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--files", type=int, default=45)
    parser.add_argument("--bytes", type=int, default=2048, help="size of each file")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    contents = {f"page-{number:03}.md": "x" * args.bytes for number in range(args.files)}
    with tempfile.TemporaryDirectory() as scratch, server(Path(scratch) / "data", args.workers) as client:
        folder = Path(scratch) / "plain"
        folder.mkdir()
        rounds = [one_round(number, client, folder, contents) for number in range(args.rounds)]
    found = report(rounds, args.files)
    ratio = statistics.median(r["single saves of a saga"] / r["batch save of a saga"] for r in rounds)
    if args.json:
        print(
            json.dumps({"files": args.files, "bytes": args.bytes, "ways": found, "batch_times_single": round(ratio, 2)})
        )
        return
    print(f"{args.files} files of {args.bytes} bytes, {args.rounds} rounds, medians")
    for way, row in found.items():
        print(
            f"{way:24}{row['files_per_second']:>10} files/s{row['milliseconds']:>10} ms{row['times_plain']:>8} x plain"
        )
    print(f"a batch saves {ratio:.1f} times the files per second of single calls")


if __name__ == "__main__":
    main()
