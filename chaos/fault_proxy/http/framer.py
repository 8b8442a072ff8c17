"""Where HTTP/1.x messages begin and end in a stream of bytes, without changing a byte of it.

httptools parses each head (`heads.py`); its parser does not say where in the stream a message ends, so the framing of
bodies (RFC 9112, section 6) is done here.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from enum import Enum, auto
from typing import Protocol

from .heads import Head, NotHttp

HEAD_LIMIT = 64 * 1024
LINE_LIMIT = 4 * 1024


class Kind(Enum):
    HEAD = auto()
    """A whole message head."""
    DATA = auto()
    """Part of a body, with its chunk framing and trailers."""
    END = auto()
    """The message is complete; carries no bytes."""
    RAW = auto()
    """Not HTTP/1.x (any more): everything from here on passes untouched."""


@dataclass(frozen=True)
class Piece:
    """A run of bytes and what it is. The pieces' bytes, in order, are the stream."""

    kind: Kind
    raw: bytes = b""
    head: Head | None = None


class Body(Enum):
    NONE = auto()
    COUNTED = auto()
    CHUNKED = auto()
    UNTIL_CLOSE = auto()
    RAW = auto()


class HeadParser(Protocol):
    """Parses one head; `feed` raises NotHttp."""

    complete: bool

    def feed(self, data: bytes) -> None: ...

    def head(self) -> Head: ...


class Framer:
    """Cuts one direction of a connection into pieces.

    `new_parser` makes a parser for the next head; `body_of` says what follows a head.
    """

    def __init__(self, new_parser: Callable[[], HeadParser], body_of: Callable[[Head], Body]) -> None:
        self._new_parser = new_parser
        self._body_of = body_of
        self._parser: HeadParser | None = None
        self._held = b""
        self._released = 0
        self._state: Callable[[bytes], tuple[list[Piece], bytes]] = self._in_head
        self._left = 0
        self._line = b""

    @property
    def between_messages(self) -> bool:
        return self._state == self._in_head and not self._held

    @property
    def is_raw(self) -> bool:
        return self._state == self._in_raw

    def feed(self, data: bytes) -> Iterator[Piece]:
        """The pieces that `data` completes. Bytes of an incomplete head are kept back until it is complete."""
        while data:
            try:
                pieces, data = self._state(data)
            except NotHttp:
                pieces = [Piece(Kind.RAW, self.give_up())]
            yield from pieces

    def release(self) -> bytes:
        """Hand out the bytes of an incomplete head; they will not be part of a later piece."""
        waiting = self._unreleased(self._held)
        self._released = len(self._held)
        return waiting

    def give_up(self) -> bytes:
        """From here on everything is raw. Returns bytes that were kept back."""
        waiting = self.release()
        self._held, self._released = b"", 0
        self._state = self._in_raw
        return waiting

    def _unreleased(self, data: bytes) -> bytes:
        return data[self._released :] if self._released else data

    # --- states: take bytes, return pieces and the bytes that belong to the next state -------------------------

    def _in_raw(self, data: bytes) -> tuple[list[Piece], bytes]:
        return [Piece(Kind.RAW, data)], b""

    def _in_head(self, data: bytes) -> tuple[list[Piece], bytes]:
        parser = self._parser = self._parser or self._new_parser()
        before = len(self._held)
        held = self._held + data
        end = held.find(b"\r\n\r\n", max(0, before - 3))
        length = len(held) if end < 0 else end + 4
        parser.feed(data[: length - before])
        # Empty lines in front of a request are allowed (RFC 9112, 2.2) and are not the end of a head.
        complete = end >= 0 and bool(held[:end].strip(b"\r\n"))
        if length > HEAD_LIMIT or parser.complete != complete:
            raise NotHttp  # a head that ends in bare line feeds, for one, is framed by nobody's rules
        if not complete:
            self._held = held[:length]
            return [], data[length - before :]
        return self._head_complete(parser.head(), held[:length]), data[length - before :]

    def _head_complete(self, head: Head, raw: bytes) -> list[Piece]:
        if self._released:
            head = replace(head, torn=True)
        piece = Piece(Kind.HEAD, self._unreleased(raw), head)
        self._parser, self._held, self._released = None, b"", 0
        return [piece, *self._begin_body(head, self._body_of(head))]

    def _begin_body(self, head: Head, body: Body) -> list[Piece]:
        if body is Body.RAW:
            self._state = self._in_raw
        elif body is Body.CHUNKED:
            self._state = self._in_size
        elif body is Body.UNTIL_CLOSE:
            self._state = self._until_close
        elif body is Body.COUNTED and (length := content_length(head)):
            self._left = length
            self._state = self._counted
        else:
            return [self._end()]
        return []

    def _end(self) -> Piece:
        self._state = self._in_head
        return Piece(Kind.END)

    def _until_close(self, data: bytes) -> tuple[list[Piece], bytes]:
        return [Piece(Kind.DATA, data)], b""

    def _counted(self, data: bytes) -> tuple[list[Piece], bytes]:
        taken = data[: self._left]
        self._left -= len(taken)
        pieces = [Piece(Kind.DATA, taken)]
        if not self._left:
            pieces.append(self._end())
        return pieces, data[len(taken) :]

    def _in_size(self, data: bytes) -> tuple[list[Piece], bytes]:
        piece, line, rest = self._take_line(data)
        if line is None:
            return [piece], rest
        size = line.split(b";", 1)[0].strip()
        try:
            if not size or size[:1] in b"+-" or b"_" in size:
                raise ValueError
            self._left = int(size, 16)
        except ValueError:
            return [piece], self._raw_from_here(rest)
        if self._left:
            self._left += 2  # the line end behind the chunk
            self._state = self._in_chunk
        else:
            self._state = self._in_trailer
        return [piece], rest

    def _in_chunk(self, data: bytes) -> tuple[list[Piece], bytes]:
        taken = data[: self._left]
        self._left -= len(taken)
        if not self._left:
            self._state = self._in_size
        return [Piece(Kind.DATA, taken)], data[len(taken) :]

    def _in_trailer(self, data: bytes) -> tuple[list[Piece], bytes]:
        piece, line, rest = self._take_line(data)
        if line is None or line:
            return [piece], rest
        return [piece, self._end()], rest

    def _take_line(self, data: bytes) -> tuple[Piece, bytes | None, bytes]:
        """A piece with the bytes up to the line's end; the whole line once it is complete; the rest."""
        end = data.find(b"\n")
        taken = data if end < 0 else data[: end + 1]
        self._line += taken
        if end < 0 and len(self._line) <= LINE_LIMIT:
            return Piece(Kind.DATA, taken), None, b""
        line, self._line = self._line, b""
        return Piece(Kind.DATA, taken), line.rstrip(b"\r\n"), data[len(taken) :]

    def _raw_from_here(self, rest: bytes) -> bytes:
        self._state = self._in_raw
        return rest


def content_length(head: Head) -> int | None:
    value = head.header("content-length")
    return int(value) if value is not None and value.isascii() and value.isdigit() else None


def is_chunked(head: Head) -> bool:
    coding = head.header("transfer-encoding")
    return coding is not None and coding.lower().rstrip().endswith("chunked")


def request_body(head: Head) -> Body:
    """What follows a request's head (RFC 9112, 6.3)."""
    if head.header("transfer-encoding") is not None:
        return Body.CHUNKED if is_chunked(head) else Body.RAW
    return Body.COUNTED if content_length(head) else Body.NONE


def response_body(head: Head, request_method: str | None) -> Body:
    """What follows a response's head; None as method means that nothing was asked."""
    if request_method is None or head.status == 101 or (request_method == "CONNECT" and head.status // 100 == 2):
        return Body.RAW
    if request_method == "HEAD" or head.status // 100 == 1 or head.status in (204, 304):
        return Body.NONE
    if head.header("transfer-encoding") is not None:
        return Body.CHUNKED if is_chunked(head) else Body.UNTIL_CLOSE
    return Body.UNTIL_CLOSE if content_length(head) is None else Body.COUNTED
