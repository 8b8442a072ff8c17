"""The fault proxy under abuse: it never crashes, never answers 500, and never leaks a socket (counted)."""

import asyncio
import contextlib
import gc
import json
import random
import select
import socket
import threading
from collections.abc import Callable, Iterator

import pytest
import requests
import uvloop
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chaos.fault_proxy import socket_half
from tests.contract import fault_proxy_rig as rig
from tests.contract.fault_proxy_rig import OURS, Link, Target, ending, eventually, receive, running
from tests.contract.fault_proxy_web import Web


@pytest.fixture(scope="module")
def server() -> Iterator[Target]:
    with running(OURS, "-proxy-metrics") as target:
        yield target


@pytest.fixture
def ours(server: Target) -> Iterator[Target]:
    """A server whose sockets and connections are counted after the test."""
    server.get("/version")
    before = server.sockets()
    yield server
    server.clear()
    assert eventually(lambda: server.sockets() <= before, 10), f"{server.sockets() - before} sockets leaked"
    assert server.process.poll() is None


def open_connections(target: Target) -> int:
    """What the proxies themselves believe to be open."""
    lines = target.call("GET", "/metrics", expect=200).text.splitlines()
    return sum(int(float(line.split()[-1])) for line in lines if line.startswith("fault_proxy_connections_open{"))


def gone(target: Target) -> bool:
    """Every connection was forgotten as well as closed."""
    return bool(eventually(lambda: open_connections(target) == 0, 10))


def echo(link: Link, stop: threading.Event) -> threading.Thread:
    """A server behind the link that sends back what comes, on any number of connections."""

    def serve(sock: socket.socket) -> None:
        with contextlib.suppress(OSError), sock:
            while data := sock.recv(65536):
                sock.sendall(data)

    def run() -> None:
        while not stop.is_set():
            with contextlib.suppress(TimeoutError):
                threading.Thread(target=serve, args=(link.upstream.accept(0.1),), daemon=True).start()

    thread = threading.Thread(target=run)
    thread.start()
    return thread


@contextlib.contextmanager
def echoing(link: Link) -> Iterator[None]:
    stop = threading.Event()
    thread = echo(link, stop)
    try:
        yield
    finally:
        stop.set()
        thread.join()


def test_a_thousand_connections_at_once(ours: Target) -> None:
    link = ours.link()
    pairs = [link.pair() for _ in range(1000)]
    assert open_connections(ours) == 1000
    for number, (client, server) in enumerate(pairs):
        client.sendall(b"%4d" % number)
        assert receive(server, 4) == b"%4d" % number
    link.add("latency", latency=1)
    for number, (client, server) in enumerate(pairs):
        server.sendall(b"%4d" % number)
        assert receive(client, 4) == b"%4d" % number
    for client, _ in pairs:
        client.close()
    assert gone(ours)


def test_a_thousand_connections_are_closed_by_disabling(ours: Target) -> None:
    link = ours.link()
    link.add("latency", latency=10_000)
    pairs = [link.pair() for _ in range(1000)]
    for _, server in pairs:
        server.sendall(b"held")
    clock = rig.Clock()
    link.update(enabled=False)
    assert clock() < 5
    assert open_connections(ours) == 0
    assert all(ending(client) in ("FIN", "RST") for client, _ in pairs)


@pytest.mark.parametrize("toxic", [None, "latency", "bandwidth", "slicer", "timeout", "limit_data", "slow_close"])
def test_clients_and_servers_that_vanish(ours: Target, toxic: str | None) -> None:
    link = ours.link()
    attributes = {
        "latency": {"latency": 50},
        "bandwidth": {"rate": 10},
        "slicer": {"average_size": 10, "delay": 1000},
        "timeout": {"timeout": 200},
        "limit_data": {"bytes": 5000},
        "slow_close": {"delay": 50},
    }
    if toxic is not None:
        link.add(toxic, "upstream", **attributes[toxic])
        link.add(toxic, "downstream", **attributes[toxic])
    leave: list[Callable[[socket.socket], None]] = [rig.reset, socket.socket.close, _half_close]
    for number in range(30):
        client, server = link.pair()
        with contextlib.suppress(OSError):
            client.sendall(b"x" * 2000)
            server.sendall(b"y" * 2000)
            leave[number % 3](server if number % 2 else client)
    for client in link.clients:
        client.close()
    link.upstream.close()
    assert gone(ours)


def _half_close(sock: socket.socket) -> None:
    sock.shutdown(socket.SHUT_WR)


def test_clients_that_leave_before_the_upstream_answers(ours: Target) -> None:
    with socket.socket() as black_hole:
        black_hole.bind(("127.0.0.1", 0))
        black_hole.listen(0)
        with socket.create_connection(black_hole.getsockname()):
            link = ours.link()
            link.update(upstream=f"127.0.0.1:{black_hole.getsockname()[1]}")
            for leave in (rig.reset, socket.socket.close):
                client = link.connect()
                client.sendall(b"x")
                leave(client)
            link.update(enabled=False)
    assert gone(ours)


def test_a_reader_that_stops_slows_the_writer_down_and_memory_stays_flat(ours: Target) -> None:
    link = ours.link()
    client, server = link.pair()
    before = ours.memory()
    client.setblocking(False)
    sent = 0
    while select.select([], [client], [], 0.3)[1]:
        sent += client.send(bytes(65536))
        assert sent < 64_000_000, "nobody reads, and yet it all went somewhere"
    assert ours.memory() - before < 16_000_000
    got = 0
    while got < sent:
        got += len(server.recv(1 << 20))
    assert got == sent


@pytest.mark.parametrize("toxic", [None, "noop", "http_fault"])
def test_a_gibibyte_with_flat_memory(ours: Target, toxic: str | None) -> None:
    size = 1 << 30
    link = ours.link()
    if toxic is not None:
        link.add(toxic, "upstream", **({"action": "drop_request", "match": {"path": "no"}} if toxic != "noop" else {}))
    client, server = link.pair()
    block = random.Random(1).randbytes(1 << 20)
    head = b"POST /upload HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % size
    client.sendall(head)
    assert receive(server, len(head)) == head
    before = ours.memory()

    def send() -> None:
        left = size
        while left:
            left -= client.send(block[: min(left, len(block))])

    thread = threading.Thread(target=send)
    thread.start()
    got, looked, most, buffer = 0, 0, 0, bytearray(1 << 20)
    while got < size:
        got += server.recv_into(buffer)
        if got - looked > size / 20:
            looked, most = got, max(most, ours.memory() - before)
    thread.join()
    assert looked
    assert most < 32_000_000


def test_a_connection_that_sends_on_to_nobody_is_dropped_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket_half, "LINGER", 0.2)

    async def scenario(ours: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        closed = loop.create_future()
        half = socket_half.Half(loop)
        half.ended = lambda: None
        half.closed = lambda: closed.set_result(None)
        await loop.create_connection(lambda: half, sock=ours)
        half.write(bytes(50_000_000))
        half.close()
        assert half.is_alive  # it waits for its peer to read
        await asyncio.wait_for(closed, rig.PATIENCE)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        ours = socket.create_connection(listener.getsockname())
        never_reads, _ = listener.accept()
        with never_reads:
            uvloop.run(scenario(ours))


def test_thousands_of_connections_leave_nothing_behind(ours: Target) -> None:
    link = ours.link()
    link.add("limit_data", toxicity=0.5, bytes=0)
    memory = 0
    for number in range(4_000):
        client, server = link.pair()
        server.sendall(b"x")
        client.recv(1)
        client.close()
        server.close()
        link.clients.clear()
        link.upstream.forget()
        if number == 2_000:  # with all caches and the ring of events as warm as they get
            memory = ours.memory()
    assert gone(ours)
    assert ours.memory() - memory < 8_000_000


def test_a_thousand_short_connections(ours: Target) -> None:
    link = ours.link()
    with echoing(link):
        for _ in range(1000):
            with rig.connect(link.listen) as client:
                client.sendall(b"x")
                assert client.recv(1) == b"x"
        assert gone(ours)


def test_toxics_changed_under_load_lose_and_reorder_nothing(ours: Target) -> None:
    link = ours.link()
    chance = random.Random(7)
    data = chance.randbytes(3_000_000)
    kinds = [
        ("latency", {"latency": 3, "jitter": 2}),
        ("bandwidth", {"rate": 50_000}),
        ("slicer", {"average_size": 5000, "size_variation": 1000, "delay": 10}),
        ("noop", {}),
        ("slow_close", {"delay": 1}),
    ]
    received: list[bytes] = []
    with echoing(link):
        clients = [link.connect() for _ in range(4)]

        def talk(client: socket.socket) -> None:
            writer = threading.Thread(target=client.sendall, args=(data,))
            writer.start()
            received.append(receive(client, len(data)))
            writer.join()

        threads = [threading.Thread(target=talk, args=(client,)) for client in clients]
        for thread in threads:
            thread.start()
        changes = 0
        while any(thread.is_alive() for thread in threads) or changes < 50:
            kind, attributes = chance.choice(kinds)
            stream = chance.choice(["upstream", "downstream"])
            link.add(kind, stream, toxicity=chance.choice([0.5, 1]), **attributes)
            link.patch(f"{kind}_{stream}", {"attributes": attributes})
            link.remove(f"{kind}_{stream}")
            changes += 1
        for thread in threads:
            thread.join()
    assert [part == data for part in received] == [True] * 4
    for client in clients:
        client.close()
    assert gone(ours)


def test_faults_changed_under_load_give_nobody_the_answer_of_another(ours: Target) -> None:
    web = Web(ours)
    stop = threading.Event()
    wrong: list[str] = []

    def talk(number: int) -> None:
        with requests.Session() as session:
            turn = 0
            while not stop.is_set():
                turn += 1
                path = f"/{number}-{turn}"
                with contextlib.suppress(requests.RequestException):
                    answer = session.post(f"http://{web.listen}{path}", data=b"x" * 500, timeout=0.5)
                    if answer.status_code == 200 and answer.text != f"answer to {path}":
                        wrong.append(f"{path}: {answer.text}")

    threads = [threading.Thread(target=talk, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    chance = random.Random(3)
    actions = ["drop_request", "drop_response", "hold", "duplicate", "status", "cut"]
    try:
        for _ in range(40):
            fired = len(web.events("fired"))
            action = chance.choice(actions)
            then = chance.choice(["close", "reset", "silence"])
            web.fault(action, ms=20, status=503, bytes=3, then=then, toxicity=0.5)
            assert eventually(lambda fired=fired: len(web.events("fired")) > fired)
            web.target.call("PATCH", "/proxies/web/toxics/fault", {"attributes": {"ms": 10}}, expect=200)
            web.heal()
        assert {event["action"] for event in web.events("fired")} == set(actions)
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert wrong == []
    assert web.call(path="/healed").ok
    web.close()
    gc.collect()  # failed requests leave their sockets to the collector
    assert gone(ours)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)
kinds = st.sampled_from(
    ["latency", "bandwidth", "slow_close", "timeout", "reset_peer", "slicer", "limit_data", "noop", "http_fault", "x"]
)
toxic_bodies = st.fixed_dictionaries(
    {},
    optional={
        "type": kinds | json_values,
        "name": json_values,
        "stream": st.sampled_from(["upstream", "DOWNSTREAM"]) | json_values,
        "toxicity": json_values,
        "attributes": st.dictionaries(
            st.sampled_from(["latency", "rate", "action", "match", "nth", "ms", "bytes", "status", "headers"]),
            json_values,
        )
        | json_values,
    },
)
proxy_bodies = st.fixed_dictionaries(
    {},
    optional={
        "name": st.sampled_from(["fuzz", "p/q", "é"]) | json_values,
        "listen": st.sampled_from(["127.0.0.1:0", "nowhere", "127.0.0.1:99999", "[::1"]) | json_values,
        "upstream": st.sampled_from(["127.0.0.1:9", "::", ""]) | json_values,
        "enabled": json_values,
        "toxics": st.lists(toxic_bodies, max_size=2) | json_values,
    },
)
fuzzed = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def harmless(answer: requests.Response) -> None:
    """Anything but a crash: the only 500 is that of an address that cannot be listened on."""
    assert answer.status_code in (200, 201, 204, 301, 400, 403, 404, 405, 409, 413, 500), answer.status_code
    if answer.status_code == 500:
        message = answer.json()["error"]
        assert message.startswith(("listen tcp", "address", "lookup")), message


@fuzzed
@given(body=proxy_bodies | json_values)
def test_fuzzed_proxies(ours: Target, body: object) -> None:
    for path in ("/proxies", "/populate", "/proxies/fuzz"):
        harmless(ours.call("POST", path, raw=json.dumps(body if path != "/populate" else [body]).encode()))
    clear_names(ours)


def clear_names(ours: Target) -> None:
    for name in ours.get("/proxies"):
        harmless(ours.call("DELETE", f"/proxies/{requests.utils.quote(name, safe='')}"))


@fuzzed
@given(body=toxic_bodies | json_values, update=json_values)
def test_fuzzed_toxics(ours: Target, body: object, update: object) -> None:
    if "fuzz" not in ours.get("/proxies"):
        ours.post("/proxies", {"name": "fuzz", "listen": "127.0.0.1:0", "upstream": "127.0.0.1:9"}, expect=201)
    answer = ours.call("POST", "/proxies/fuzz/toxics", raw=json.dumps(body).encode())
    harmless(answer)
    if answer.ok:
        name = requests.utils.quote(answer.json()["name"], safe="")
        harmless(ours.call("PATCH", f"/proxies/fuzz/toxics/{name}", raw=json.dumps({"attributes": update}).encode()))
    ours.call("POST", "/reset")


@fuzzed
@given(data=st.binary(max_size=300))
def test_fuzzed_bytes_on_the_api(ours: Target, data: bytes) -> None:
    harmless(ours.call("POST", "/proxies", raw=data))
    with socket.create_connection(("127.0.0.1", ours.port), 5) as sock:
        sock.sendall(data + b"\r\n\r\n")
        sock.shutdown(socket.SHUT_WR)
        with contextlib.suppress(OSError):
            sock.recv(65536)


@fuzzed
@given(request=st.binary(max_size=200), answer=st.binary(max_size=200), head=st.booleans())
def test_fuzzed_streams_pass_a_fault_that_does_not_match(
    ours: Target, request: bytes, answer: bytes, head: bool
) -> None:
    if not ours._links:
        ours.link().add("http_fault", action="drop_request", match={"path": "never$^"})
    client, server = ours._links[0].pair()
    data = (b"GET /a HTTP/1.1\r\n" if head else b"\x00") + request
    client.sendall(data)
    client.shutdown(socket.SHUT_WR)
    assert receive(server, len(data) + 1) == data
    client.close()
    server.close()


def test_a_body_over_the_limit(ours: Target) -> None:
    answer = ours.call("POST", "/proxies", raw=b" " * (16 * 1024 * 1024 + 1))
    assert answer.status_code == 413


def test_a_deeply_nested_body(ours: Target) -> None:
    answer = ours.call("POST", "/proxies", raw=b"[" * 200_000, expect=400)
    assert answer.json()["error"].startswith("bad request body")
