"""Heads of HTTP/1.x messages, parsed by httptools."""

from __future__ import annotations

from dataclasses import dataclass

import httptools


class NotHttp(Exception):
    """The stream is not HTTP/1.x."""


@dataclass(frozen=True)
class Head:
    """A parsed message head. `target` and `method` are of requests, `status` is of responses."""

    headers: tuple[tuple[str, str], ...]
    keep_alive: bool
    method: str = ""
    target: str = ""
    status: int = 0
    torn: bool = False
    """Part of the head was handed out before it was complete, so nothing can be decided about it."""

    def header(self, name: str) -> str | None:
        """All values of a header (lower-case name) joined with commas; None if it is absent."""
        values = [value for key, value in self.headers if key == name]
        return ", ".join(values) if values else None


class _Parser:
    """Collects what httptools reports of one head."""

    def __init__(self) -> None:
        self._headers: list[tuple[str, str]] = []
        self._target = b""
        self._keep_alive = False
        self._parser: httptools.HttpRequestParser | httptools.HttpResponseParser
        self.complete = False

    def on_url(self, url: bytes) -> None:
        self._target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers.append((name.decode("latin-1").lower(), value.decode("latin-1")))

    def on_headers_complete(self) -> None:
        self.complete = True
        self._keep_alive = self._parser.should_keep_alive()  # the parser forgets it with the message's end

    def feed(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            if not self.complete:  # else it only stopped behind the head, for an upgrade or CONNECT
                raise NotHttp from None


class RequestParser(_Parser):
    def __init__(self) -> None:
        super().__init__()
        self._request = self._parser = httptools.HttpRequestParser(self)

    def head(self) -> Head:
        if not self._request.get_http_version().startswith("1."):
            raise NotHttp
        method, target = self._request.get_method().decode("ascii"), self._target.decode("latin-1")
        return Head(tuple(self._headers), self._keep_alive, method=method, target=target)


class ResponseParser(_Parser):
    def __init__(self) -> None:
        super().__init__()
        self._response = self._parser = httptools.HttpResponseParser(self)

    def head(self) -> Head:
        return Head(tuple(self._headers), self._keep_alive, status=self._response.get_status_code())
