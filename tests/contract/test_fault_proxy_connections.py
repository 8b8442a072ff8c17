"""Points 18 to 21, 31, 33, 34, 44 and 45 of the contract: connections through changes, on ours and on Toxiproxy."""

import contextlib
import socket

import pytest

from tests.contract import fault_proxy_rig as rig
from tests.contract.fault_proxy_rig import Target, ending, receive

servers, target = rig.servers, rig.target


def refused(address: str) -> bool:
    try:
        rig.connect(address).close()
    except ConnectionRefusedError:
        return True
    return False


def test_bytes_pass_both_ways(target: Target) -> None:
    client, server = target.link().pair()
    client.sendall(b"question")
    assert receive(server, 8) == b"question"
    server.sendall(b"answer")
    assert receive(client, 6) == b"answer"


def test_megabytes_pass_unchanged(target: Target) -> None:
    client, server = target.link().pair()
    data = bytes(range(256)) * 16384
    for sender, receiver in ((client, server), (server, client)):
        sender.setblocking(False)
        receiver.settimeout(rig.PATIENCE)
        got, sent = bytearray(), 0
        while len(got) < len(data):
            with contextlib.suppress(BlockingIOError):
                sent += sender.send(data[sent : sent + 65536]) if sent < len(data) else 0
            got += receiver.recv(65536) if sent > len(got) else b""
        assert got == data
        sender.settimeout(rig.PATIENCE)


def test_18_an_update_without_a_change_keeps_connections(target: Target) -> None:
    link = target.link()
    client, server = link.pair()
    link.update()
    link.update(listen=link.listen, upstream=link.upstream.address, enabled=True)
    client.sendall(b"x")
    assert receive(server, 1) == b"x"


def test_19_a_new_upstream_closes_connections_and_keeps_toxics(target: Target) -> None:
    link, other = target.link(), target.link("other")
    link.add("noop")
    client, _ = link.pair()
    changed = link.update(upstream=other.upstream.address)
    assert ending(client) == "FIN"
    assert (changed["listen"], len(changed["toxics"])) == (link.listen, 1)
    again = link.connect()
    again.sendall(b"x")
    assert receive(other.upstream.accept(), 1) == b"x"


def test_20_and_21_disabled_refuses_and_enabled_listens_on_the_same_port(target: Target) -> None:
    link = target.link()
    client, server = link.pair()
    assert link.update(enabled=False)["enabled"] is False
    assert ending(client) == "FIN"
    assert ending(server) == "FIN"
    assert refused(link.listen)
    assert link.update(enabled=True)["listen"] == link.listen
    link.pair()


def test_22_a_deleted_proxy_closes_its_connections(target: Target) -> None:
    link = target.link()
    client, _ = link.pair()
    target.call("DELETE", "/proxies/link", expect=204)
    assert ending(client) == "FIN"
    assert refused(link.listen)


@pytest.mark.parametrize("stream", ["upstream", "downstream"])
def test_31_a_toxic_takes_effect_on_an_open_connection(target: Target, stream: str) -> None:
    link = target.link()
    client, server = link.pair()
    sender, receiver = (client, server) if stream == "upstream" else (server, client)
    link.add("latency", stream, latency=200)
    clock = rig.Clock()
    sender.sendall(b"x")
    assert receive(receiver, 1) == b"x"
    assert 0.19 <= clock() < 1.5
    link.remove(f"latency_{stream}")
    clock = rig.Clock()
    sender.sendall(b"x")
    assert receive(receiver, 1) == b"x"
    assert clock() < 0.15


def test_33_latency_is_not_on_connect_nor_on_an_idle_close(target: Target) -> None:
    link = target.link()
    link.add("latency", "upstream", latency=1500)
    link.add("latency", "downstream", latency=1500)
    clock = rig.Clock()
    client, server = link.pair()
    client.close()
    assert ending(server) == "FIN"
    assert clock() < 1


def test_34_what_a_deleted_toxic_held_is_delivered_at_once(target: Target) -> None:
    link = target.link()
    link.add("latency", latency=4000)
    client, server = link.pair()
    clock = rig.Clock()
    for piece in (b"a", b"b", b"c"):
        server.sendall(piece)
    with pytest.raises(TimeoutError):
        client.settimeout(0.2)
        client.recv(1)
    link.remove("latency_downstream")
    client.settimeout(rig.PATIENCE)
    assert receive(client, 3) == b"abc"
    assert clock() < 2


@pytest.mark.parametrize("goodbye", ["FIN", "RST"])
def test_44_a_delayed_request_is_delivered_although_its_client_has_gone(target: Target, goodbye: str) -> None:
    link = target.link()
    link.add("latency", "upstream", latency=400)
    client, server = link.pair()
    clock = rig.Clock()
    client.sendall(b"zombie")
    rig.eventually(lambda: clock() > 0.1)
    client.close() if goodbye == "FIN" else rig.reset(client)
    assert receive(server, 6) == b"zombie"
    assert clock() >= 0.39
    assert ending(server) == "FIN"


def test_44_disabling_drops_the_delayed_request(target: Target) -> None:
    link = target.link()
    link.add("latency", "upstream", latency=3000)
    client, server = link.pair()
    client.sendall(b"zombie")
    with pytest.raises(TimeoutError):
        server.settimeout(0.2)
        server.recv(1)
    link.update(enabled=False)
    server.settimeout(rig.PATIENCE)
    assert server.recv(10) == b""


def test_45_a_refusing_upstream_is_a_close_not_a_refusal(target: Target) -> None:
    link = target.link()
    link.upstream.close()
    client = link.connect()
    assert ending(client) in ("FIN", "RST")


def test_data_in_flight_is_delivered_before_the_close_behind_it(target: Target) -> None:
    link = target.link()
    link.add("latency", latency=300)
    client, server = link.pair()
    clock = rig.Clock()
    server.sendall(b"last words")
    server.close()
    assert receive(client, 20) == b"last words"
    assert 0.29 <= clock() < 1.5


def test_an_ipv6_upstream_and_listener(target: Target) -> None:
    try:
        listener = socket.create_server(("::1", 0), family=socket.AF_INET6)
    except OSError:
        pytest.skip("no IPv6 on this machine")
    with listener:
        upstream = f"[::1]:{listener.getsockname()[1]}"
        body = {"name": "six", "listen": "[::1]:0", "upstream": upstream}
        created = target.post("/proxies", body, expect=201)
        assert created["listen"].startswith("[::1]:")
        with rig.connect(created["listen"]) as client:
            listener.settimeout(rig.PATIENCE)
            server, _ = listener.accept()
            with server:
                client.sendall(b"x")
                assert receive(server, 1) == b"x"
