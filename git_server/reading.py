"""Reads a snapshot's files from filesystem_server and holds each against the hash that the saga intended."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from urllib.parse import quote

import requests

from git_server.errors import FileMissing, FilesystemUnavailable, HashMismatch
from service_kit import names
from service_kit.problems import TooLarge
from service_kit.tokens import Caller, TokenMinter

MAX_SNAPSHOT_BYTES = 128 * 1024 * 1024
_CHUNK = 64 * 1024
ISSUER = "git_server"


@dataclass(frozen=True)
class Errand:
    """On whose behalf the files are read: the caller, its project, the saga, and the trace that the calls belong to."""

    caller: Caller
    project: str
    saga_id: str
    traceparent: str | None = None


class _Budget:
    """The bytes and seconds that all files of one snapshot share; threads spend from it together."""

    def __init__(self, seconds: float, clock: Callable[[], float]) -> None:
        self._room = MAX_SNAPSHOT_BYTES
        self._turn = threading.Lock()
        self._seconds = seconds
        self._clock = clock
        self._deadline = clock() + seconds

    def seconds_left(self) -> float:
        """Raises FilesystemUnavailable when none is left."""
        left = self._deadline - self._clock()
        if left <= 0:
            raise FilesystemUnavailable(f"reading took longer than {self._seconds:g} s")
        return left

    def spend(self, size: int) -> None:
        """Raises TooLarge when so many bytes are not left."""
        self.seconds_left()
        with self._turn:
            self._room -= size
        if self._room < 0:
            raise TooLarge(f"the files of a snapshot may have {MAX_SNAPSHOT_BYTES} bytes together")


@dataclass(frozen=True)
class FileReader:
    """Reads files over HTTP.

    Attributes:
        url: of filesystem_server, without a slash at the end.
        silence: seconds without a byte after which one read is given up.
        time_limit: seconds for all files of one snapshot.
        parallel: reads in flight at once; with 1 everything happens in the caller's thread.
        clock: monotonic seconds.
    """

    url: str
    session: requests.Session
    minter: TokenMinter
    silence: float
    time_limit: float
    parallel: int = 1
    clock: Callable[[], float] = field(default=time.monotonic)

    def read(self, errand: Errand, intended: Mapping[str, str]) -> dict[str, bytes]:
        """The content of each file; ``intended`` maps names to sha256 (64 hex digits).

        Raises:
            HashMismatch, FileMissing: a definite answer about one file.
            FilesystemUnavailable: no usable answer in time.
            TooLarge: the files have more than MAX_SNAPSHOT_BYTES together.
        """
        headers, budget = self._headers(errand), _Budget(self.time_limit, self.clock)

        def read_one(filename: str) -> bytes:
            return self._read_one(errand.project, filename, intended[filename], headers, budget)

        if self.parallel == 1:
            return {filename: read_one(filename) for filename in intended}
        pool = ThreadPoolExecutor(self.parallel, thread_name_prefix="read")
        try:
            return dict(zip(intended, pool.map(read_one, intended), strict=True))
        finally:
            pool.shutdown(cancel_futures=True)

    def check(self) -> None:
        """Raises when filesystem_server does not answer."""
        self.session.get(f"{self.url}/healthz", timeout=self.silence, allow_redirects=False).raise_for_status()

    def _headers(self, errand: Errand) -> dict[str, str]:
        headers = {
            names.INTERNAL_TOKEN: self.minter.mint(errand.caller.user, errand.project),
            names.SAGA_ID: errand.saga_id,
            "Accept-Encoding": "identity",
        }
        if errand.traceparent:
            headers[names.TRACEPARENT] = errand.traceparent
        return headers

    def _read_one(self, project: str, filename: str, sha256: str, headers: Mapping[str, str], budget: _Budget) -> bytes:
        content, etag = self._get(project, filename, headers, budget)
        found = hashlib.sha256(content).hexdigest()
        if found == sha256:
            return content
        if etag and etag != found:
            raise FilesystemUnavailable(f"the answer for {filename!r} was damaged on its way")
        raise HashMismatch(filename)

    def _get(self, project: str, filename: str, headers: Mapping[str, str], budget: _Budget) -> tuple[bytes, str]:
        """The file's bytes and the sha256 that its server states, or an empty string."""
        url = f"{self.url}/file/{quote(project, safe='')}/{quote(filename)}"
        timeout = min(self.silence, budget.seconds_left())
        try:
            with self.session.get(url, headers=headers, timeout=timeout, stream=True, allow_redirects=False) as answer:
                if answer.status_code == 404:
                    raise FileMissing(filename)
                if answer.status_code != 200:
                    raise FilesystemUnavailable(f"filesystem_server answered {answer.status_code} for {filename!r}")
                return _body(answer, budget), answer.headers.get("ETag", "").strip('"')
        except requests.RequestException as error:
            raise FilesystemUnavailable(f"reading {filename!r} failed: {type(error).__name__}") from None


def _body(answer: requests.Response, budget: _Budget) -> bytes:
    body = bytearray()
    for chunk in answer.iter_content(_CHUNK):
        budget.spend(len(chunk))
        body += chunk
    return bytes(body)
