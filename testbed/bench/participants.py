"""What a save and a snapshot through the participants cost, beside plain files and plain git, paired in one run.

    python -m testbed.bench.participants [--rounds N] [--files N] [--bytes N] [--workers N] [--json]

Each round does every way once, directly one after the other, and the next round begins with another way, so that what
else the machine does hits all alike. Ratios are taken within a round. Reported are medians over the rounds, and of the
ratios the quartiles, too. One round before the first is not counted.

plain loop   each file: open, write, fsync, rename
plain git    ``git fast-import`` of one commit, then ``git update-ref``, both forced to disk as git_server does
"""

from __future__ import annotations

import argparse
import hashlib
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
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from service_kit.names import INTERNAL_TOKEN, SAGA_ID
from service_kit.tokens import KeyRing, TokenMinter

PROJECT = "bench"
START_SECONDS = 20.0
PLAIN, PLAIN_GIT, SINGLE, BATCH = "plain loop", "plain git", "single saves of a saga", "batch save of a saga"
OF_GIT = frozenset({"snapshot", "snapshot repeated", "snapshot undo", "snapshot confirm"})  # held against plain git

Seconds = dict[str, float]  # by way
Contents = dict[str, str]  # by file name


@dataclass
class Client:
    """One kept-alive connection. A call that is not a success ends the benchmark."""

    address: tuple[str, int]
    token: str
    connection: http.client.HTTPConnection = field(init=False)

    def __post_init__(self) -> None:
        self.connection = http.client.HTTPConnection(*self.address, timeout=START_SECONDS)

    def call(self, method: str, path: str, body: object = None, saga_id: str | None = None) -> None:
        sent = {INTERNAL_TOKEN: self.token, "Content-Type": "application/json"}
        sent |= {SAGA_ID: saga_id} if saga_id else {}
        self.connection.request(method, path, json.dumps(body) if body is not None else None, sent)
        response = self.connection.getresponse()
        text = response.read()
        if response.status >= 300:
            raise SystemExit(f"{method} {path}: {response.status} {text!r}")


@contextmanager
def server(service: str, data: Path, keys: str, workers: int, **settings: str) -> Iterator[Client]:
    """A gunicorn with the service on a free port, ended with the block; its log is shown only when something fails."""
    log = data.with_suffix(".log")
    with socket.create_server(("127.0.0.1", 0)) as listener, log.open("wb") as said:
        # As gunicorn does on sockets of its own; without it each answer waits for a delayed ACK (40 ms).
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        command = [sys.executable, "-m", "gunicorn", f"{service}.app:create_app()"]
        command += ["-c", "python:service_kit.gunicorn_conf", "-w", str(workers), "-b", f"fd://{listener.fileno()}"]
        environment = {**os.environ, "INTERNAL_TOKEN_KEYS": keys, "DATA_DIR": str(data), **settings}
        process = subprocess.Popen(command, env=environment, pass_fds=[listener.fileno()], stderr=said)
        try:
            # Connections wait in the listener's queue until the first worker takes them.
            minter = TokenMinter(KeyRing.parse(keys), "testbed", lifetime=3600)
            client = Client(listener.getsockname(), minter.mint("bench", PROJECT))
            client.call("GET", "/readyz")
            yield client
            client.connection.close()
        except BaseException:
            print(log.read_text()[-2000:], file=sys.stderr)
            raise
        finally:
            process.terminate()
            process.wait()


@dataclass
class PlainGit:
    """A bare repository that git alone writes to, as durably as git_server."""

    path: Path

    def __post_init__(self) -> None:
        self.git("init", "--quiet", "--bare", "--initial-branch=main")

    def git(self, *arguments: str, stdin: bytes = b"") -> None:
        command = ["git", "-c", "core.fsync=all", "-c", "gc.auto=0", f"--git-dir={self.path}", *arguments]
        subprocess.run(command, input=stdin, check=True, capture_output=True)

    def commit(self, number: int, contents: Contents) -> None:
        """One commit on a ref of its own, and ``main`` moved to it."""
        who = f"bench <bench@example.invalid> {number + 1} +0000"
        lines = [f"commit refs/bench/{number}\ncommitter {who}\ndata 1\nm\n"]
        for name, content in contents.items():
            lines.append(f"M 100644 inline {name}\ndata {len(content.encode())}\n{content}\n")
        self.git("fast-import", "--quiet", stdin="".join(lines).encode())
        self.git("update-ref", "refs/heads/main", f"refs/bench/{number}")


def plain(folder: Path, contents: Contents) -> None:
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


def pages(number: int, files: int, size: int) -> Contents:
    """The files of one round: text of the wanted size that no other round has."""
    return {
        f"page-{page:03}.md": (hashlib.sha256(f"{number}-{page}".encode()).hexdigest() + "\n") * (size // 65 + 1)
        for page in range(files)
    }


@dataclass
class Bench:
    """Both participants, and what stands beside them."""

    files: Client
    git: Client
    scratch: Path
    plain_git: PlainGit

    def one_round(self, number: int, contents: Contents) -> Seconds:
        """Seconds of every way to save or commit the same files."""
        ways = [self._plain, self._plain_git, self._single, self._batch, self._single_plain]
        spent: Seconds = {}
        for turn in range(len(ways)):
            spent |= ways[(number + turn) % len(ways)](number, contents)
        return spent

    def _plain(self, number: int, contents: Contents) -> Seconds:
        return {PLAIN: seconds(lambda: plain(self.scratch / str(number), contents))}

    def _plain_git(self, number: int, contents: Contents) -> Seconds:
        return {PLAIN_GIT: seconds(lambda: self.plain_git.commit(number, contents))}

    def _single_plain(self, number: int, contents: Contents) -> Seconds:
        return {"single plain saves": seconds(lambda: self._save_each(None, f"plain-{number}", contents))}

    def _single(self, number: int, contents: Contents) -> Seconds:
        saga = f"single-{number}"
        spent = {SINGLE: seconds(lambda: self._save_each(saga, saga, contents))}
        self.files.call("POST", f"/saga/{saga}/confirm")
        return spent

    def _batch(self, number: int, contents: Contents) -> Seconds:
        """Two sagas save and commit; the first is undone, the second confirmed."""
        undone, kept = f"undone-{number}", f"kept-{number}"
        spent = {BATCH: seconds(lambda: self._save_all(undone, contents))}
        spent["snapshot"] = seconds(lambda: self._snapshot(undone, contents))
        spent["snapshot repeated"] = seconds(lambda: self._snapshot(undone, contents))
        spent["snapshot undo"] = seconds(lambda: self.git.call("DELETE", _snapshot_path(undone), saga_id=undone))
        spent["batch undo"] = seconds(lambda: self.files.call("DELETE", f"/files/{PROJECT}", saga_id=undone))
        self._save_all(kept, contents)
        self._snapshot(kept, contents)
        spent["snapshot confirm"] = seconds(lambda: self.git.call("POST", f"/saga/{kept}/confirm"))
        spent["confirm"] = seconds(lambda: self.files.call("POST", f"/saga/{kept}/confirm"))
        return spent

    def _save_each(self, saga: str | None, folder: str, contents: Contents) -> None:
        for name, content in contents.items():
            body = {"project_id": PROJECT, "filename": f"{folder}/{name}", "content": content}
            self.files.call("POST", "/save_file", body, saga)

    def _save_all(self, saga: str, contents: Contents) -> None:
        rows = [{"filename": f"{saga}/{name}", "content": content} for name, content in contents.items()]
        self.files.call("POST", f"/files/{PROJECT}", {"saga_id": saga, "files": rows})

    def _snapshot(self, saga: str, contents: Contents) -> None:
        files = {f"{saga}/{name}": hashlib.sha256(text.encode()).hexdigest() for name, text in contents.items()}
        self.git.call("POST", f"/snapshot/{PROJECT}", {"saga_id": saga, "message": "bench", "files": files})


def _snapshot_path(saga: str) -> str:
    return f"/snapshot/{PROJECT}/snap-{hashlib.sha256(saga.encode()).hexdigest()[:16]}"


def report(rounds: list[Seconds], files: int) -> dict[str, dict[str, float]]:
    """For each way: files per second, milliseconds for all files, and its speed as a multiple of the plain way's."""
    found = {}
    for way in rounds[0]:
        spent = statistics.median(r[way] for r in rounds)
        beside = PLAIN_GIT if way in OF_GIT | {PLAIN_GIT} else PLAIN
        found[way] = {
            "files_per_second": round(files / spent, 1),
            "milliseconds": round(1000 * spent, 2),
            "times_plain": round(statistics.median(r[beside] / r[way] for r in rounds), 2),
        }
    return found


def batch_ratio(rounds: list[Seconds]) -> dict[str, float]:
    """How many times the files per second of single calls a batch saves: median and quartiles over the rounds."""
    low, middle, high = statistics.quantiles((r[SINGLE] / r[BATCH] for r in rounds), n=4)
    return {"median": round(middle, 2), "lower_quartile": round(low, 2), "upper_quartile": round(high, 2)}


def measure(rounds: int, files: int, size: int, workers: int) -> list[Seconds]:
    """The seconds of every way, round by round."""
    keys = f"bench:{secrets.token_hex(32)}"
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        scratch = Path(folder)
        storage = stack.enter_context(server("filesystem_server", scratch / "files", keys, workers))
        url = f"http://127.0.0.1:{storage.address[1]}"
        git = stack.enter_context(server("git_server", scratch / "git", keys, workers, FILESYSTEM_URL=url))
        (scratch / "plain").mkdir()
        bench = Bench(storage, git, scratch / "plain", PlainGit(scratch / "plain.git"))
        return [bench.one_round(number, pages(number, files, size)) for number in range(rounds + 1)][1:]


def show(found: Mapping[str, Mapping[str, float]], ratio: Mapping[str, float]) -> None:
    for way, row in found.items():
        beside = "plain git" if way in OF_GIT else "plain"
        print(
            f"{way:24}{row['files_per_second']:>10} files/s{row['milliseconds']:>10} ms"
            f"{row['times_plain']:>8} x {beside}"
        )
    print(
        f"a batch saves {ratio['median']} times the files per second of single calls "
        f"(quartiles {ratio['lower_quartile']} to {ratio['upper_quartile']})"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rounds", type=int, default=20, help="at least 2")
    parser.add_argument("--files", type=int, default=45)
    parser.add_argument("--bytes", type=int, default=2048, help="size of each file")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    rounds = measure(max(2, args.rounds), args.files, args.bytes, args.workers)
    found, ratio = report(rounds, args.files), batch_ratio(rounds)
    if args.json:
        print(json.dumps({"files": args.files, "bytes": args.bytes, "ways": found, "batch_times_single": ratio}))
        return
    print(f"{args.files} files of {args.bytes} bytes, {len(rounds)} rounds, medians")
    show(found, ratio)


if __name__ == "__main__":
    main()
