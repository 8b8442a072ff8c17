"""Real apps on real folders: the machines that ``remembered.Remembered`` runs."""

from __future__ import annotations

import hashlib
import resource
import shutil
import sqlite3
from collections.abc import Callable, Collection, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests
from werkzeug.test import Client

from chaos.explorer.remembered import Image, Machine
from chaos.explorer.wire import Answer, Ask, NoAnswer, Request, SimulatedSession

App = Callable[[dict[str, Any], Any], Any]
"""A WSGI application."""
Make = Callable[[Path, requests.Session], tuple[App, Callable[[], None]]]
"""Opens an app on a folder, with the session for the calls that it makes; gives it and what lets go of the folder."""
_NOT_STATE = ("-shm", "-wal", ".lock")


class AppOnFolder:
    """One participant: a WSGI app that keeps its state in ``folder``, and nowhere else.

    Args:
        address: its URL in the simulated network, like ``http://filesystem_server``.
        make: opens the app.
        content: what stands for the folder where bytes differ though they mean the same.
        no_state: tables of its SQLite files on which no answer and no effect depends.
    """

    def __init__(
        self,
        name: str,
        folder: Path,
        make: Make,
        *,
        address: str | None = None,
        content: Callable[[AppOnFolder], str] | None = None,
        no_state: frozenset[str] = frozenset(),
    ) -> None:
        self.name, self.folder = name, folder
        self.address = address or f"http://{name}"
        self.host = urlsplit(self.address).netloc
        self.make, self.content, self.no_state = make, content, no_state
        self._ask: Ask = nobody
        self._close: Callable[[], None] = lambda: None
        self._client: Client | None = None

    def open(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        app, self._close = self.make(self.folder, SimulatedSession(self._outward))
        self._client = Client(app)

    def call(self, request: Request, ask: Ask, *, disk_full: bool = False) -> Answer:
        self._ask = ask
        try:
            with _no_space_left() if disk_full else _as_it_is():
                return self._send(request)
        finally:
            self._ask = nobody

    def _outward(self, address: str, request: Request, timeout: float) -> Answer:
        """A call that the app makes: carried by whoever asked for the request that it works on."""
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))  # it is this participant's disk that may be full
        try:
            return self._ask(address, request, timeout)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    def image(self) -> Image:
        found: Image = {}
        for path in _below(self.folder):
            if path.is_dir():
                if not any(path.iterdir()):
                    found[str(path.relative_to(self.folder))] = None
            elif not path.name.endswith("-shm"):  # SQLite makes it anew
                found[str(path.relative_to(self.folder))] = path.read_bytes()
        return found

    def fingerprint(self) -> str:
        if self.content is not None:
            return self.content(self)
        digest = hashlib.sha256()
        for path in _below(self.folder):
            if path.name.endswith(_NOT_STATE):
                continue
            digest.update(f"{path.relative_to(self.folder)}\0".encode())
            if path.is_file():
                digest.update(_meaning(path, self.no_state))
        return digest.hexdigest()

    def restore(self, image: Image) -> None:
        self.close()
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        write_image(self.folder, image)
        self.open()

    def restart(self, image: Image) -> None:
        self.restore(image)

    def close(self) -> None:
        self._close()
        self._close = lambda: None

    def _send(self, request: Request) -> Answer:
        if self._client is None:
            raise AssertionError(f"{self.name} is not open")
        headers = [(name, value) for name, value in request.headers.items() if not name.startswith("x-simulated")]
        answer = self._client.open(
            request.path, method=request.method, headers=headers, data=request.body, base_url=f"http://{self.host}"
        )
        body = answer.get_data()
        answer.close()
        return Answer.of(answer.status_code, dict(answer.headers), body)


def write_image(folder: Path, image: Image) -> None:
    """Put a picture of a folder on disk."""
    for name, content in image.items():
        path = folder / name
        if content is None:
            path.mkdir(parents=True, exist_ok=True)
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)


def _below(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*"))


def _meaning(path: Path, no_state: Collection[str]) -> bytes:
    """A file's content; of a SQLite file its rows, because its pages remember what is gone."""
    if path.suffix != ".sqlite3":
        return path.read_bytes()
    with closing(sqlite3.connect(path)) as database:
        left_out = tuple(f'INSERT INTO "{table}"' for table in no_state)
        return "\n".join(line for line in database.iterdump() if not line.startswith(left_out)).encode()


def folder_of(machine: Machine) -> Path:
    """Where a participant keeps its state. Raises TypeError: it has no folder."""
    if not isinstance(machine, AppOnFolder):
        raise TypeError(f"{machine.name} has no folder")
    return machine.folder


def nobody(address: str, request: Request, timeout: float) -> Answer:
    """Who answers a participant that is only looked at, when it calls another one. Raises NoAnswer."""
    raise NoAnswer("reset")


@contextmanager
def _as_it_is() -> Iterator[None]:
    yield


@contextmanager
def _no_space_left() -> Iterator[None]:
    """No file can grow: what a full disk says, from the kernel itself. Python ignores SIGXFSZ, so writes fail."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
