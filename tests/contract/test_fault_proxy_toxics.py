"""Points 32 and 35 to 43 of the contract: what each toxic does, on ours and on Toxiproxy itself.

Upper bounds of times are generous, because two busy cores are late, and never early.
"""

import contextlib
import select
import socket
import time

import pytest

from tests.contract import fault_proxy_rig as rig
from tests.contract.fault_proxy_rig import Link, Target, ending, receive

servers, target = rig.servers, rig.target


def answer_time(client: socket.socket, server: socket.socket) -> float:
    """Seconds from the server's sending a byte to the client's having it."""
    clock = rig.Clock()
    server.sendall(b"x")
    assert receive(client, 1) == b"x"
    return clock()


def silent(sock: socket.socket, seconds: float) -> bool:
    return not select.select([sock], [], [], seconds)[0]


def test_32_latencies_add_up_but_not_over_chunks(target: Target) -> None:
    link = target.link()
    link.add("latency", name="a", latency=100)
    link.add("latency", name="b", latency=80)
    client, server = link.pair()
    assert 0.175 <= answer_time(client, server) < 1
    clock = rig.Clock()
    for _ in range(5):
        server.sendall(b"x")
        time.sleep(0.01)  # so that each is a chunk of its own
    assert receive(client, 5) == b"xxxxx"
    assert clock() < 0.6


def test_32_jitter_spreads_around_the_latency(target: Target) -> None:
    link = target.link()
    link.add("latency", latency=50, jitter=45)
    client, server = link.pair()
    times = [answer_time(client, server) for _ in range(15)]
    assert min(times) >= 0.004
    assert max(times) - min(times) > 0.02


def test_32_negative_latency_is_none(target: Target) -> None:
    link = target.link()
    link.add("latency", latency=-500, jitter=-5)
    assert answer_time(*link.pair()) < 0.3


def test_35_bandwidth(target: Target) -> None:
    link = target.link()
    link.add("bandwidth", rate=100)
    client, server = link.pair()
    clock = rig.Clock()
    server.sendall(b"x" * 200_000)
    assert len(receive(client, 200_000)) == 200_000
    assert 1.9 <= clock() < 2.6


def test_35_bandwidth_0_blocks_until_it_is_deleted(target: Target) -> None:
    link = target.link()
    link.add("bandwidth")
    client, server = link.pair()
    server.sendall(b"x")
    assert silent(client, 0.2)
    link.remove("bandwidth_downstream")
    assert receive(client, 1) == b"x"


def test_36_slow_close(target: Target) -> None:
    link = target.link()
    link.add("slow_close", delay=400)
    client, server = link.pair()
    assert answer_time(client, server) < 0.3
    clock = rig.Clock()
    server.close()
    assert ending(client) == "FIN"
    assert 0.39 <= clock() < 1.5


def test_37_timeout_closes_after_silence(target: Target) -> None:
    link = target.link()
    link.add("timeout", timeout=300)
    clock = rig.Clock()
    client, server = link.pair()
    client.sendall(b"request")
    assert receive(server, 7) == b"request"
    assert client.recv(10) == b""
    assert 0.29 <= clock() < 1.5


def test_37_traffic_keeps_a_timeout_from_closing(target: Target) -> None:
    link = target.link()
    link.add("timeout", timeout=500)
    client, server = link.pair()
    clock = rig.Clock()
    while clock() < 0.9:
        server.sendall(b"dropped")
        assert silent(client, 0.1)
    assert client.recv(10) == b""
    assert clock() >= 1.3


def test_37_timeout_0_never_closes_and_its_deletion_does(target: Target) -> None:
    link = target.link()
    link.add("timeout")
    client, server = link.pair()
    server.sendall(b"dropped")
    assert silent(client, 0.3)
    link.remove("timeout_downstream")
    assert client.recv(10) == b""


def test_38_reset_peer_downstream_resets_after_the_request_arrived(target: Target) -> None:
    link = target.link()
    link.add("reset_peer")
    client, server = link.pair()
    client.sendall(b"request")
    assert receive(server, 7) == b"request"
    server.sendall(b"answer")
    assert ending(client) == "RST"


def test_38_reset_peer_upstream_loses_the_request(target: Target) -> None:
    link = target.link()
    link.add("reset_peer", "upstream", timeout=100)
    clock = rig.Clock()
    client, server = link.pair()
    client.sendall(b"request")
    assert ending(client) == "RST"
    assert 0.09 <= clock() < 1
    server.settimeout(rig.PATIENCE)
    with contextlib.suppress(ConnectionResetError):
        assert server.recv(10) == b""


def test_38_reset_peer_leaves_idle_connections_and_ends_old_ones_with_fin(target: Target) -> None:
    link = target.link()
    client, server = link.pair()
    assert answer_time(client, server) < rig.PATIENCE  # the proxy, too, has it open by now
    link.add("reset_peer")
    assert silent(client, 0.2)
    server.sendall(b"answer")
    assert ending(client) == "FIN"


@pytest.mark.parametrize(("sent", "passed", "closed"), [(9, 9, False), (10, 10, True), (16, 10, True)])
def test_39_limit_data_closes_when_the_count_is_reached(target: Target, sent: int, passed: int, closed: bool) -> None:
    link = target.link()
    link.add("limit_data", bytes=10)
    client, server = link.pair()
    server.sendall(b"x" * sent)
    assert receive(client, passed) == b"x" * passed
    if closed:
        assert client.recv(10) == b""
    else:
        assert silent(client, 0.15)


def test_39_limit_data_0_closes_at_the_first_byte(target: Target) -> None:
    link = target.link()
    link.add("limit_data", "upstream", bytes=0)
    client, server = link.pair()
    assert silent(client, 0.15)
    client.sendall(b"lost")
    assert ending(client) == "FIN"
    assert server.recv(10) == b""


def test_40_the_count_survives_an_update(target: Target) -> None:
    link = target.link()
    link.add("limit_data", bytes=10)
    client, server = link.pair()
    server.sendall(b"x" * 9)
    assert receive(client, 9) == b"x" * 9
    link.patch("limit_data_downstream", {"attributes": {"bytes": 15}})
    server.sendall(b"y" * 9)
    assert receive(client, 20) == b"y" * 6


def test_41_the_slicer_cuts_and_waits(target: Target) -> None:
    link = target.link()
    link.add("slicer", average_size=10, delay=20_000)
    client, server = link.pair()
    server.sendall(bytes(range(100)))
    sizes, got, clock = [], b"", rig.Clock()
    while len(got) < 100:
        piece = client.recv(200)
        sizes.append(len(piece))
        got += piece
    assert got == bytes(range(100))
    # A late reader sees pieces together; on time it is 16 pieces of 6 or 7 bytes.
    assert min(sizes) >= 6
    assert 8 <= len(sizes) <= 16
    assert clock() >= 0.29


def test_42_noop(target: Target) -> None:
    link = target.link()
    assert link.add("noop")["attributes"] == {}
    assert answer_time(*link.pair()) < 0.3


def hit(link: Link) -> bool:
    """Whether a new connection is cut by a `limit_data` of 0 downstream."""
    client, server = link.pair()
    with client, server:
        server.sendall(b"x")
        return client.recv(1) == b""


@pytest.mark.parametrize(("toxicity", "least", "most"), [(0, 0, 0), (1, 200, 200), (0.5, 65, 135)])
def test_43_toxicity_over_200_connections(target: Target, toxicity: float, least: int, most: int) -> None:
    link = target.link()
    link.add("limit_data", toxicity=toxicity, bytes=0)
    # 100 +- 35 is five standard deviations: one run in a million fails by chance.
    assert least <= sum(hit(link) for _ in range(200)) <= most


def test_43_toxicity_is_constant_within_a_connection(target: Target) -> None:
    link = target.link()
    link.add("latency", toxicity=0.5, latency=60)
    seen = set()
    for _ in range(12):
        client, server = link.pair()
        slow = [answer_time(client, server) >= 0.055 for _ in range(3)]
        assert slow[0] or not all(slow[1:])  # a late machine may make one answer slow, not the toxic
        seen.add(slow[0])
    assert seen == {True, False}
