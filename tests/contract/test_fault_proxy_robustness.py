"""The fault proxy under load, its peers vanishing: it loses and mixes up nothing, and leaks no socket (counted)."""

import asyncio
import contextlib
import gc
import random
import select
import socket
import threading
from collections.abc import Callable, Iterator

import pytest
import requests
import uvloop

from chaos.fault_proxy import socket_half
from tests.contract import fault_proxy_rig as rig
from tests.contract.fault_proxy_rig import Link, Target, ending, eventually, receive
from tests.contract.fault_proxy_web import Web

counting_server, ours = rig.counting_server, rig.counted


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
