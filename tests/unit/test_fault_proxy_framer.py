"""The framer's one promise: the pieces are the stream, byte for byte, whatever comes and however it is split."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaos.fault_proxy.http.framer import Framer, Kind, Piece, request_body, response_body
from chaos.fault_proxy.http.heads import RequestParser, ResponseParser

REQUESTS = [
    b"GET / HTTP/1.1\r\nHost: h\r\n\r\n",
    b"\r\nHEAD /a HTTP/1.1\r\n\r\n",
    b"POST /a?b HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello",
    b"PUT /c HTTP/1.0\r\ncontent-length: 0\r\n\r\n",
    b"POST /d HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5;x=y\r\nhello\r\nA\r\n0123456789\r\n0\r\nT: v\r\n\r\n",
]


def requests_framer() -> Framer:
    return Framer(RequestParser, request_body)


def responses_framer(method: str | None = "GET") -> Framer:
    return Framer(ResponseParser, lambda head: response_body(head, method))


def fed(framer: Framer, data: bytes, cuts: list[int]) -> list[Piece]:
    bounds = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    return [piece for start, end in pairwise(bounds) for piece in framer.feed(data[start:end])]


def joined(pieces: list[Piece]) -> bytes:
    return b"".join(piece.raw for piece in pieces)


cuts = st.lists(st.integers(0, 10_000), max_size=20)


@given(st.lists(st.sampled_from(REQUESTS), min_size=1, max_size=6), cuts)
def test_messages_are_found_however_the_stream_is_split(messages: list[bytes], cuts: list[int]) -> None:
    pieces = fed(requests_framer(), b"".join(messages), cuts)
    assert joined(pieces) == b"".join(messages)
    assert [piece.kind for piece in pieces].count(Kind.HEAD) == len(messages)
    assert [piece.kind for piece in pieces].count(Kind.END) == len(messages)
    assert Kind.RAW not in {piece.kind for piece in pieces}


@given(st.lists(st.one_of(st.sampled_from(REQUESTS), st.binary(max_size=60)), max_size=5), cuts)
def test_no_byte_is_lost_or_changed_whatever_comes(parts: list[bytes], cuts: list[int]) -> None:
    for framer in (requests_framer(), responses_framer(), responses_framer("HEAD")):
        data = b"".join(parts)
        pieces = fed(framer, data, cuts)
        assert joined(pieces) + framer.release() == data


@given(st.lists(st.sampled_from(REQUESTS), min_size=1, max_size=4), cuts)
def test_released_bytes_are_not_handed_out_again(messages: list[bytes], cuts: list[int]) -> None:
    framer, data, out = requests_framer(), b"".join(messages), b""
    bounds = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    for start, end in pairwise(bounds):
        out += joined(list(framer.feed(data[start:end]))) + framer.release()
        assert out == data[:end]


def test_a_head_that_was_released_in_part_is_torn() -> None:
    framer = requests_framer()
    list(framer.feed(b"GET / HT"))
    assert framer.release() == b"GET / HT"
    head = next(piece.head for piece in framer.feed(b"TP/1.1\r\n\r\n") if piece.head)
    assert head.torn
    assert (head.method, head.target) == ("GET", "/")


def test_a_head_is_parsed() -> None:
    data = b"POST /a%20b?c=d HTTP/1.1\r\nX-A: 1\r\nx-a: 2\r\nConnection: close\r\n\r\n"
    head = next(requests_framer().feed(data)).head
    assert head is not None
    assert (head.method, head.target, head.keep_alive, head.torn) == ("POST", "/a%20b?c=d", False, False)
    assert head.header("x-a") == "1, 2"
    assert head.header("x-b") is None


@pytest.mark.parametrize(
    "data",
    [
        b"hello",
        b"\x16\x03\x01",
        b"GET / HTTP/1.1\n\n",
        b"PRI * HTTP/2.0\r\n\r\n",
        b"GET / HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n",
        b"GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\nabc",
        b"GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\nhello\r\n",
        b"GET / HTTP/1.1\r\nX: " + b"a" * 66_000,
    ],
)
def test_what_is_not_http_is_raw_from_then_on(data: bytes) -> None:
    framer = requests_framer()
    pieces = [*framer.feed(data), *framer.feed(REQUESTS[0])]
    assert framer.is_raw
    assert joined(pieces) == data + REQUESTS[0]
    assert pieces[-1] == Piece(Kind.RAW, REQUESTS[0])


@pytest.mark.parametrize(
    ("method", "head", "rest", "kinds"),
    [
        ("GET", b"200 OK\r\nContent-Length: 2", b"ok", [Kind.HEAD, Kind.DATA, Kind.END]),
        ("HEAD", b"200 OK\r\nContent-Length: 2", b"", [Kind.HEAD, Kind.END]),
        ("GET", b"204 No Content", b"", [Kind.HEAD, Kind.END]),
        ("GET", b"304 Not Modified\r\nContent-Length: 5", b"", [Kind.HEAD, Kind.END]),
        ("GET", b"100 Continue", b"", [Kind.HEAD, Kind.END]),
        ("GET", b"200 OK", b"until the end", [Kind.HEAD, Kind.DATA]),
        ("GET", b"200 OK\r\nTransfer-Encoding: gzip", b"x", [Kind.HEAD, Kind.DATA]),
        ("GET", b"101 Switching Protocols", b"frames", [Kind.HEAD, Kind.RAW]),
        ("CONNECT", b"200 OK", b"tunnel", [Kind.HEAD, Kind.RAW]),
        ("CONNECT", b"407 No\r\nContent-Length: 0", b"", [Kind.HEAD, Kind.END]),
        (None, b"408 Timeout\r\nContent-Length: 0", b"", [Kind.HEAD]),
    ],
)
def test_what_follows_a_responses_head(method: str | None, head: bytes, rest: bytes, kinds: list[Kind]) -> None:
    pieces = list(responses_framer(method).feed(b"HTTP/1.1 " + head + b"\r\n\r\n" + rest))
    assert [piece.kind for piece in pieces] == kinds
