"""HTTP/1.1 by hand: a request that can be held back by its last byte, cut off, or abandoned, which no library offers.

Holding back the last byte lets two requests reach the server at the same instant: both are complete but for one byte.
"""

from __future__ import annotations

import contextlib
import http.client
import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from urllib.parse import urlsplit


@dataclass(frozen=True)
class Request:
    """What is sent: one request, on a connection of its own."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes | None

    def raw(self) -> bytes:
        """Every byte of it."""
        parts = urlsplit(self.url)
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        sent = {"Host": parts.netloc, "Connection": "close", "Accept": "*/*"}
        if self.body is not None:
            sent["Content-Type"] = "application/json"
        if self.body is not None or self.method not in ("GET", "HEAD", "DELETE"):
            sent["Content-Length"] = str(len(self.body or b""))
        sent |= self.headers
        lines = [f"{self.method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in sent.items())]
        return "\r\n".join([*lines, "", ""]).encode("latin-1", "replace") + (self.body or b"")


@dataclass(frozen=True)
class Answer:
    """What came back.

    Attributes:
        status: None: no answer, for the reason in ``lost``.
    """

    status: int | None
    body: bytes = b""
    lost: str = ""

    @property
    def done(self) -> bool:
        return self.status is not None and 200 <= self.status < 300

    @property
    def refused(self) -> bool:
        return self.status is not None and 400 <= self.status < 500

    def __str__(self) -> str:
        return str(self.status) if self.status is not None else f"no answer ({self.lost})"


class Connection:
    """One connection for one request; use it in a ``with`` block.

    Args:
        timeout: seconds of silence after which the answer is given up.

    Raises:
        OSError: nobody listens there.
    """

    def __init__(self, request: Request, timeout: float) -> None:
        self.request = request
        self._left = request.raw()
        parts = urlsplit(request.url)
        tls = parts.scheme == "https"
        address = (parts.hostname or "", parts.port or (443 if tls else 80))
        self._socket: socket.socket = socket.create_connection(address, timeout)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if tls:
            self._socket = ssl.create_default_context().wrap_socket(self._socket, server_hostname=parts.hostname)

    def __enter__(self) -> Connection:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._socket.close()

    def send(self, count: int) -> None:
        """Send the next ``count`` bytes; a negative count is: all but that many."""
        now = self._left[:count]
        self._left = self._left[len(now) :]
        with contextlib.suppress(OSError):  # it may have answered and closed already: the answer will tell
            self._socket.sendall(now)

    def finish(self) -> Answer:
        """Send what is left and read the answer."""
        self.send(len(self._left))
        try:
            found = http.client.HTTPResponse(self._socket, method=self.request.method)
            found.begin()
            return Answer(found.status, found.read())
        except TimeoutError:
            return Answer(None, lost="it took too long")
        except (OSError, http.client.HTTPException) as error:
            return Answer(None, lost=type(error).__name__)


def send(request: Request, timeout: float) -> Answer:
    """Send and wait for the answer."""
    try:
        with Connection(request, timeout) as connection:
            return connection.finish()
    except OSError as error:
        return Answer(None, lost=f"cannot connect: {error.strerror or type(error).__name__}")


def abandon(request: Request, count: int, timeout: float) -> None:
    """Send the first ``count`` bytes (negative: all but that many; the length: all of it), and hang up."""
    with contextlib.suppress(OSError), Connection(request, timeout) as connection:
        connection.send(count)
