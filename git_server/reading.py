"""Reads a snapshot's files from filesystem_server and holds each against the hash that the saga intended."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping
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


@dataclass(frozen=True)
class FileReader:
    """Reads files over HTTP.

    Attributes:
        url: of filesystem_server, without a slash at the end.
        silence: seconds without a byte after which one read is given up.
        time_limit: seconds for all files of one snapshot.
        clock: monotonic seconds.
    """

    url: str
    session: requests.Session
    minter: TokenMinter
    silence: float
    time_limit: float
    clock: Callable[[], float] = field(default=time.monotonic)

    def read(self, errand: Errand, intended: Mapping[str, str]) -> dict[str, bytes]:
        """The content of each file; ``intended`` maps names to sha256 (64 hex digits).

        Raises:
            HashMismatch, FileMissing: a definite answer about one file.
            FilesystemUnavailable: no usable answer in time.
            TooLarge: the files have more than MAX_SNAPSHOT_BYTES together.
        """
        deadline = self.clock() + self.time_limit
        headers = self._headers(errand)
        room = MAX_SNAPSHOT_BYTES
        contents = {}
        for filename, sha256 in intended.items():
            content, etag = self._get(errand.project, filename, headers, deadline, room)
            found = hashlib.sha256(content).hexdigest()
            if found != sha256:
                if etag and etag != found:
                    raise FilesystemUnavailable(f"the answer for {filename!r} was damaged on its way")
                raise HashMismatch(filename)
            contents[filename] = content
            room -= len(content)
        return contents

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

    def _get(
        self, project: str, filename: str, headers: Mapping[str, str], deadline: float, room: int
    ) -> tuple[bytes, str]:
        """The file's bytes and the sha256 that its server states, or an empty string."""
        url = f"{self.url}/file/{quote(project, safe='')}/{quote(filename)}"
        left = deadline - self.clock()
        if left <= 0:
            raise FilesystemUnavailable(f"reading took longer than {self.time_limit:g} s")
        try:
            with self.session.get(
                url, headers=headers, timeout=min(self.silence, left), stream=True, allow_redirects=False
            ) as answer:
                if answer.status_code == 404:
                    raise FileMissing(filename)
                if answer.status_code != 200:
                    raise FilesystemUnavailable(f"filesystem_server answered {answer.status_code} for {filename!r}")
                return self._body(answer, deadline, room), answer.headers.get("ETag", "").strip('"')
        except requests.RequestException as error:
            raise FilesystemUnavailable(f"reading {filename!r} failed: {type(error).__name__}") from None

    def _body(self, answer: requests.Response, deadline: float, room: int) -> bytes:
        body = bytearray()
        for chunk in answer.iter_content(_CHUNK):
            body += chunk
            if len(body) > room:
                raise TooLarge(f"the files of a snapshot may have {MAX_SNAPSHOT_BYTES} bytes together")
            if self.clock() > deadline:
                raise FilesystemUnavailable(f"reading took longer than {self.time_limit:g} s")
        return bytes(body)
