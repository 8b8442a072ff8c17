"""HTTP as it comes on real connections: pipelines, chunks, 1xx, tunnels, and streams that are no HTTP at all."""

from collections.abc import Iterator

import pytest

from tests.contract import fault_proxy_rig as rig
from tests.contract.fault_proxy_rig import Link, Target, ending, eventually, receive

our_server, ours = rig.our_server, rig.ours

GET = b"GET /%b HTTP/1.1\r\nHost: h\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


@pytest.fixture
def link(ours: Target) -> Iterator[Link]:
    yield ours.link()


def hit(link: Link, path: str = "/hit", **attributes: object) -> None:
    link.add("http_fault", name="fault", match={"path": path}, **attributes)


def until_end(sock: rig.socket.socket) -> bytes:
    data = b""
    while more := sock.recv(65536):
        data += more
    return data


def test_one_of_several_pipelined_requests_is_answered_in_its_place(link: Link) -> None:
    hit(link, action="status", status=503)
    client, server = link.pair()
    client.sendall(GET % b"a" + GET % b"hit" + GET % b"b")
    assert receive(server, 2 * len(GET % b"a")) == GET % b"a" + GET % b"b"
    server.sendall(OK)
    server.sendall(OK)
    client.settimeout(rig.PATIENCE)
    got = b""
    while got.count(b"HTTP/1.1") < 3 or not got.endswith(b"ok"):
        got += client.recv(65536)
    assert [part[:3] for part in got.split(b"HTTP/1.1 ")[1:]] == [b"200", b"503", b"200"]


def test_earlier_pipelined_answers_come_before_the_close(link: Link) -> None:
    hit(link, action="drop_request")
    client, server = link.pair()
    client.sendall(GET % b"a" + GET % b"hit")
    assert receive(server, len(GET % b"a")) == GET % b"a"
    server.sendall(OK)
    assert until_end(client) == OK


def test_requests_behind_a_dropped_one_are_lost_with_the_connection_and_not_counted(link: Link) -> None:
    link.add("http_fault", name="fault", action="drop_request", nth=2)
    client, server = link.pair()
    client.sendall(GET % b"a" + GET % b"b" + GET % b"c")
    assert receive(server, len(GET % b"a")) == GET % b"a"
    server.sendall(OK)
    assert until_end(client) == OK
    events = link.target.get("/events")
    assert [event["request"]["target"] for event in events][-2:] == ["/b", "/b"]  # fired, and its outcome


def test_later_pipelined_requests_wait_behind_a_held_one(link: Link) -> None:
    hit(link, action="hold", ms=200)
    client, server = link.pair()
    clock = rig.Clock()
    client.sendall(GET % b"hit" + GET % b"a")
    assert receive(server, len(GET % b"hit" + GET % b"a")) == GET % b"hit" + GET % b"a"
    assert clock() >= 0.19
    server.sendall(OK + OK)
    assert receive(client, 2 * len(OK)) == OK + OK


def test_bytes_pass_exactly_as_they_are(link: Link) -> None:
    link.add("http_fault", action="status", status=500, match={"path": "never"})
    client, server = link.pair()
    request = (
        b"\r\nPOST /a?b=c HTTP/1.1\r\nhOsT:  odd \r\nTransfer-Encoding: chunked\r\n\r\n"
        b'3;ext="1"\r\nabc\r\n00\r\nTrailer: x\r\n\r\n'
    )
    for byte in request:
        client.sendall(bytes([byte]))
    assert receive(server, len(request)) == request
    answer = b"HTTP/1.1 200 Fine  by me\r\nX-A:b\r\nTransfer-Encoding: chunked\r\n\r\nA\r\n0123456789\r\n0\r\n\r\n"
    for byte in answer:
        server.sendall(bytes([byte]))
    assert receive(client, len(answer)) == answer
    client.sendall(GET % b"next")
    assert receive(server, len(GET % b"next")) == GET % b"next"


def test_a_fault_added_in_the_middle_of_a_request_hits_the_next_one(link: Link) -> None:
    client, server = link.pair()
    begin = b"POST /hit HTTP/1.1\r\nContent-Length: 10\r\n\r\n12345"
    client.sendall(begin)
    assert receive(server, len(begin)) == begin
    hit(link, action="status", status=503)
    client.sendall(b"67890" + GET % b"hit")
    assert receive(server, 5) == b"67890"
    server.sendall(OK)
    assert receive(client, len(OK)) == OK
    assert client.recv(12) == b"HTTP/1.1 503"


def test_a_head_that_was_half_sent_before_the_fault_passes(link: Link) -> None:
    client, server = link.pair()
    client.sendall((GET % b"hit")[:10])
    assert receive(server, 10) == (GET % b"hit")[:10]
    hit(link, action="status", status=503)
    client.sendall((GET % b"hit")[10:])
    assert receive(server, len(GET % b"hit") - 10) == (GET % b"hit")[10:]
    server.sendall(OK)
    assert receive(client, len(OK)) == OK


@pytest.mark.parametrize("action", ["drop_response", "duplicate", "cut", "hold"])
def test_a_body_that_waits_for_100_continue_still_comes(link: Link, action: str) -> None:
    hit(link, action=action)
    client, server = link.pair()
    head = b"PUT /hit HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n"
    client.sendall(head)
    if action != "hold":
        assert receive(server, len(head)) == head
        server.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
    assert receive(client, 25) == b"HTTP/1.1 100 Continue\r\n\r\n"
    client.sendall(b"body")
    if action == "hold":
        assert receive(server, len(head) + 4) == head + b"body"
        server.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
    else:
        assert receive(server, 4) == b"body"
    server.sendall(OK)
    expected = {"drop_response": b"", "duplicate": OK, "cut": OK[:-2], "hold": OK}[action]
    assert receive(client, len(expected)) == expected
    if action == "duplicate":
        assert receive(link.upstream.accept(), len(head) + 4) == head + b"body"


@pytest.mark.parametrize("action", ["status", "drop_request"])
def test_a_body_that_nobody_will_get_is_not_asked_for(link: Link, action: str) -> None:
    hit(link, action=action, **({"status": 503} if action == "status" else {}))
    client, server = link.pair()
    client.sendall(b"PUT /hit HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n")
    got = until_end(client)
    assert got.startswith(b"HTTP/1.1 503") if action == "status" else got == b""
    assert ending(server) == "FIN"


@pytest.mark.parametrize(
    ("method", "answer"),
    [
        (b"HEAD", b"HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n"),
        (b"GET", b"HTTP/1.1 204 No Content\r\n\r\n"),
        (b"GET", b"HTTP/1.1 304 Not Modified\r\nContent-Length: 999\r\n\r\n"),
        (b"GET", b"HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n" + OK),
        (b"GET", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n"),
    ],
)
def test_the_end_of_an_answer_is_known(link: Link, method: bytes, answer: bytes) -> None:
    hit(link, action="status", status=503)
    client, server = link.pair()
    for _ in range(2):
        request = (GET % b"a").replace(b"GET", method)
        client.sendall(request)
        assert receive(server, len(request)) == request
        server.sendall(answer)
        assert receive(client, len(answer)) == answer
    client.sendall(GET % b"hit")
    assert client.recv(12) == b"HTTP/1.1 503"


def test_an_answer_that_ends_with_the_connection(link: Link) -> None:
    hit(link, action="drop_response")
    client, server = link.pair()
    client.sendall(GET % b"hit")
    receive(server, len(GET % b"hit"))
    server.sendall(b"HTTP/1.0 200 OK\r\n\r\nuntil the end")
    server.close()
    assert until_end(client) == b""
    outcome = eventually(lambda: [e for e in link.target.get("/events") if e["event"] == "outcome"])[-1]
    assert outcome["upstream_status"] == 200


def test_an_upgraded_connection_becomes_a_tunnel(link: Link) -> None:
    hit(link, action="status", status=503)
    client, server = link.pair()
    ask = b"GET /a HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
    client.sendall(ask)
    assert receive(server, len(ask)) == ask
    switch = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
    server.sendall(switch + b"\x81\x02hi")
    assert receive(client, len(switch) + 4) == switch + b"\x81\x02hi"
    for sender, receiver in ((client, server), (server, client)):
        sender.sendall(GET % b"hit")
        assert receive(receiver, len(GET % b"hit")) == GET % b"hit"


@pytest.mark.parametrize(
    "first",
    [
        b"\x60\x60\xb0\x17\x00\x00\x00\x00",  # Bolt
        b"\x16\x03\x01\x02\x00\x01",  # TLS
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"*1\r\n$4\r\nPING\r\n",
        b"GET /hit HTTP/1.1\nHost: h\n\n",
        b"GET /hit HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx",
        b"SSH-2.0-client\r\n",
        b"GET / HTTP/1.1\r\nX: " + b"a" * 70_000,
    ],
)
def test_what_is_not_http_passes_untouched_and_says_so(link: Link, first: bytes) -> None:
    hit(link, path="", action="drop_request")
    client, server = link.pair()
    client.sendall(first)
    assert receive(server, len(first)) == first
    server.sendall(b"\x00\xff")
    assert receive(client, 2) == b"\x00\xff"
    client.sendall(GET % b"hit")
    assert receive(server, len(GET % b"hit")) == GET % b"hit"
    assert [event["event"] for event in link.target.get("/events")][-1] == "not_http"


def test_a_server_that_speaks_first_is_not_http(link: Link) -> None:
    hit(link, path="", action="drop_request")
    client, server = link.pair()
    server.sendall(b"220 ready\r\n")
    assert receive(client, 11) == b"220 ready\r\n"
    client.sendall(GET % b"hit")
    assert receive(server, len(GET % b"hit")) == GET % b"hit"


def test_a_fault_added_to_an_open_tunnel_says_that_it_cannot_see_into_it(link: Link) -> None:
    client, server = link.pair()
    client.sendall(b"\x00")
    assert receive(server, 1) == b"\x00"
    before = len(link.target.get("/events"))
    hit(link, path="", action="drop_request")
    assert [event["event"] for event in link.target.get("/events")][before:] == ["not_http"]
    client.sendall(b"\x01")
    assert receive(server, 1) == b"\x01"


def test_a_large_body_is_held_whole(link: Link) -> None:
    hit(link, action="hold", ms=300)
    client, server = link.pair()
    body = b"x" * 4_000_000
    request = b"POST /hit HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n" % len(body) + body
    client.sendall(request)
    client.close()
    assert receive(server, len(request)) == request
    server.sendall(OK)
    assert ending(server) == "FIN"


def test_a_held_request_that_never_became_whole_is_not_a_zombie(link: Link) -> None:
    hit(link, action="hold", ms=200)
    client, server = link.pair()
    client.sendall(b"POST /hit HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\n12345")
    client.close()
    assert until_end(server) == b""
