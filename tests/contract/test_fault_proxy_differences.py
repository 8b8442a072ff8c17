"""Where ours deliberately differs from Toxiproxy: one test for each row of the table in docs/fault-proxy.md."""

import json
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import requests

from tests.contract import fault_proxy_rig as rig
from tests.contract.fault_proxy_rig import OURS, Target, ending, eventually, receive, running

our_server, ours = rig.our_server, rig.ours


def pattern(target: Target, connections: int = 24) -> list[bool]:
    """Which of so many connections a toxicity of one half hits."""
    link = target.link("chance")
    link.add("limit_data", toxicity=0.5, bytes=0)
    hits = []
    for _ in range(connections):
        client, server = link.pair()
        with client, server:
            server.sendall(b"x")
            hits.append(client.recv(1) == b"")
    link.close()
    return hits


def test_the_seed_repeats_a_run() -> None:
    patterns = []
    for seed in ("42", "42", "43"):
        with running(OURS, "-seed", seed) as target:
            patterns.append(pattern(target))
    assert patterns[0] == patterns[1] != patterns[2]


def test_a_seed_is_chosen_and_told_when_none_is_given(ours: Target) -> None:
    seed = ours.get("/capabilities")["seed"]
    found = pattern(ours)
    with running(OURS, "-seed", str(seed)) as again:
        assert pattern(again) == found


def test_reset_peer_at_toxicity_0_resets_nothing(ours: Target) -> None:
    link = ours.link()
    link.add("reset_peer", toxicity=0)
    client, server = link.pair()
    server.sendall(b"answer")
    assert receive(client, 6) == b"answer"
    server.close()
    assert ending(client) == "FIN"


@pytest.mark.parametrize(
    ("kind", "attributes", "named"),
    [
        ("bandwidth", {"rate": -1}, "rate"),
        ("slicer", {"average_size": -1}, "average_size"),
        ("slicer", {"average_size": 1, "size_variation": -5}, "size_variation"),
    ],
)
def test_attributes_that_crash_toxiproxy_are_refused(
    ours: Target, kind: str, attributes: dict[str, int], named: str
) -> None:
    ours.link()
    answer = ours.call("POST", "/proxies/link/toxics", {"type": kind, "attributes": attributes}, expect=400)
    assert named in answer.json()["error"]


def test_a_slicer_without_a_size_cuts_nothing(ours: Target) -> None:
    link = ours.link()
    link.add("slicer")
    client, server = link.pair()
    server.sendall(b"x" * 1000)
    assert receive(client, 1000) == b"x" * 1000


@pytest.mark.parametrize("toxicity", [-0.1, 1.1, 7])
def test_a_toxicity_outside_0_to_1_is_refused(ours: Target, toxicity: float) -> None:
    ours.link()
    answer = ours.call("POST", "/proxies/link/toxics", {"type": "noop", "toxicity": toxicity}, expect=400)
    assert "toxicity" in answer.json()["error"]


def test_a_sleeping_reset_peer_blocks_no_call_and_its_deletion_heals(ours: Target) -> None:
    link = ours.link()
    link.add("reset_peer", timeout=60_000)
    client, server = link.pair()
    server.sendall(b"answer")
    eventually(lambda: ours.get("/events")[-1]["toxic"] == "reset_peer_downstream")
    clock = rig.Clock()
    link.remove("reset_peer_downstream")
    assert receive(client, 6) == b"answer"
    assert clock() < 2


def test_an_upstream_that_never_answers_stalls_nobody_else(ours: Target) -> None:
    with socket.socket() as black_hole:
        black_hole.bind(("127.0.0.1", 0))
        black_hole.listen(0)
        address = f"127.0.0.1:{black_hole.getsockname()[1]}"
        with socket.create_connection(black_hole.getsockname()):  # the queue is full: more SYNs are dropped
            link = ours.link()
            link.update(upstream=address)
            stalled = [link.connect() for _ in range(3)]
            link.update(upstream=link.upstream.address)
            assert "open" not in [ending(client) for client in stalled]
            clock = rig.Clock()
            client, server = link.pair()
            client.sendall(b"x")
            assert receive(server, 1) == b"x"
            assert clock() < 2


def test_bytes_are_counted_while_connections_are_open() -> None:
    with running(OURS, "-proxy-metrics") as target:
        link = target.link()
        client, server = link.pair()
        client.sendall(b"12345")
        assert receive(server, 5) == b"12345"
        text = target.call("GET", "/metrics").text
        assert 'toxiproxy_proxy_received_bytes_total{direction="upstream"' in text
        assert 'fault_proxy_connections_open{proxy="link"} 1.0' in text
        link.close()


def test_runtime_metrics_alone() -> None:
    with running(OURS, "-runtime-metrics") as target:
        text = target.call("GET", "/metrics", expect=200).text
        assert "process_resident_memory_bytes" in text
        assert "toxiproxy_proxy" not in text


@pytest.mark.parametrize("how", ["create", "populate"])
def test_a_proxy_can_be_created_with_its_toxics(ours: Target, how: str) -> None:
    upstream = rig.Upstream()
    toxics = [{"type": "latency", "attributes": {"latency": 5}}, {"type": "limit_data", "attributes": {"bytes": 0}}]
    body = {"name": "p", "listen": "127.0.0.1:0", "upstream": upstream.address, "toxics": toxics}
    if how == "create":
        proxy = ours.post("/proxies", body, expect=201)
    else:
        proxy = ours.post("/populate", [body], expect=201)["proxies"][0]
    assert [toxic["name"] for toxic in proxy["toxics"]] == ["latency_downstream", "limit_data_downstream"]
    with rig.connect(proxy["listen"]) as client, upstream.accept() as server:
        server.sendall(b"x")
        assert client.recv(1) == b""
    upstream.close()


@pytest.mark.parametrize(
    "toxics", [[{"type": "noop"}, {"type": "nonsense"}], [{"type": "noop"}, {"type": "noop"}], [7], {"type": "noop"}]
)
def test_a_bad_toxic_creates_no_proxy(ours: Target, toxics: object) -> None:
    body = {"name": "p", "listen": "127.0.0.1:0", "upstream": "127.0.0.1:9", "toxics": toxics}
    assert ours.call("POST", "/proxies", body).status_code in (400, 409)
    good = {"name": "a", "listen": "127.0.0.1:0", "upstream": "127.0.0.1:9"}
    assert ours.call("POST", "/populate", [good, body]).status_code in (400, 409)
    assert ours.get("/proxies") == {}


def test_a_toxicity_is_not_rolled_again_by_other_toxics(ours: Target) -> None:
    link = ours.link()
    link.add("latency", toxicity=0.5, latency=60)
    pairs = [link.pair() for _ in range(6)]

    def slow() -> list[bool]:
        times = []
        for client, server in pairs:
            clock = rig.Clock()
            server.sendall(b"x")
            assert receive(client, 1) == b"x"
            times.append(clock() >= 0.059)
        return times

    before = slow()
    for _ in range(3):
        link.add("noop")
        link.remove("noop_downstream")
    after = slow()
    assert all(now for was, now in zip(before, after, strict=True) if was)
    assert sum(after) <= sum(before) + 1  # a late machine may make one answer slow


def test_no_logger_member(ours: Target) -> None:
    ours.link()
    assert "Logger" not in ours.get("/proxies/link")


def test_a_taken_api_port_ends_the_server_with_a_message(ours: Target) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "chaos.fault_proxy", "-host", "127.0.0.1", "-port", str(ours.port)],
        cwd=rig.ROOT,
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert done.returncode == 1
    assert "address already in use" in done.stderr
    assert "-port" in done.stderr


def test_reset_goes_on_behind_a_proxy_that_cannot_start(ours: Target) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        body = {"name": "a", "listen": address, "upstream": "127.0.0.1:9", "enabled": False}
        ours.post("/proxies", body, expect=201)
        link = ours.link("b")
        link.add("noop")
        link.update(enabled=False)
        assert ours.call("POST", "/reset", expect=500).json()["error"].startswith("listen tcp")
    proxy = ours.get("/proxies/b")
    assert (proxy["enabled"], proxy["toxics"]) == (True, [])


def test_ours_is_recognised_by_its_capabilities(ours: Target) -> None:
    found = ours.get("/capabilities")
    assert {"http_fault", "create_with_toxics", "events", "seed"} <= set(found["extensions"])
    assert "drop_response" in found["http_fault_actions"]
    assert ours.get("/version")["version"] == "2.12.0+saga-testbed"


@pytest.mark.toxiproxy
def test_toxiproxy_has_no_capabilities() -> None:
    with running(rig.REAL) as target:
        target.call("GET", "/capabilities", expect=404)


def test_the_version_flag() -> None:
    command = [sys.executable, "-m", "chaos.fault_proxy", "-version"]
    done = subprocess.run(command, cwd=rig.ROOT, capture_output=True, text=True, timeout=20, check=True)
    assert done.stdout == "toxiproxy-server version 2.12.0+saga-testbed\n"


# --- events, which Toxiproxy does not have ------------------------------------------------------------------------


def hits(target: Target, count: int) -> None:
    """So many connections on which a toxic fires."""
    link = target.link(f"events-{count}")
    link.add("limit_data", bytes=0)
    for _ in range(count):
        client, server = link.pair()
        server.sendall(b"x")
        assert client.recv(1) == b""


def test_events_tell_which_toxic_fired_on_what(ours: Target) -> None:
    before = max((event["id"] for event in ours.get("/events")), default=0)
    hits(ours, 3)
    events = ours.get(f"/events?since={before}")
    assert [event["id"] for event in events] == [before + 1, before + 2, before + 3]
    assert [event["connection"] for event in events] == [1, 2, 3]
    for event in events:
        assert event["event"] == "fired"
        assert (event["proxy"], event["toxic"]) == ("events-3", "limit_data_downstream")
        assert (event["type"], event["stream"]) == ("limit_data", "downstream")
    assert ours.get(f"/events?since={before}&limit=1") == events[:1]


@pytest.mark.parametrize("query", ["since=x", "since=-1", "limit=", "limit=1.5", "since=" + "9" * 30])
def test_bad_event_queries_are_refused(ours: Target, query: str) -> None:
    assert query.split("=", maxsplit=1)[0] in ours.call("GET", f"/events?{query}", expect=400).json()["error"]


def test_events_are_not_for_browsers(ours: Target) -> None:
    ours.call("GET", "/events", headers={"User-Agent": "Mozilla/5.0"}, expect=403)


def test_events_as_a_stream_that_can_be_resumed(ours: Target) -> None:
    before = max((event["id"] for event in ours.get("/events")), default=0)
    hits(ours, 2)
    headers = {"Accept": "text/event-stream", "Last-Event-ID": str(before + 1)}
    with requests.get(f"{ours.url}/events", headers=headers, stream=True, timeout=5) as stream:
        assert stream.headers["content-type"] == "text/event-stream"
        lines = stream.iter_lines(chunk_size=1, decode_unicode=True)
        assert next(lines) == f"id: {before + 2}"
        assert json.loads(next(lines).removeprefix("data: "))["id"] == before + 2
        assert next(lines) == ""
        hits(ours, 1)
        assert next(lines) == f"id: {before + 3}"


def test_a_stream_of_events_ends_with_the_server(tmp_path: Path) -> None:
    with running(OURS) as target:
        headers = {"Accept": "text/event-stream"}
        with requests.get(f"{target.url}/events", headers=headers, stream=True, timeout=5) as stream:
            clock = rig.Clock()
            assert target.stop() == 0
            assert list(stream.iter_lines()) == []
            assert clock() < 4


def test_toxics_are_counted_in_the_metrics() -> None:
    with running(OURS, "-proxy-metrics") as target:
        hits(target, 2)
        labels = 'proxy="events-2",stream="downstream",toxic="limit_data_downstream",type="limit_data"'
        lines = target.call("GET", "/metrics").text.splitlines()
        counted = [line for line in lines if line.startswith("fault_proxy_toxic_fired_total{")]
        assert len(counted) == 1
        assert counted[0].endswith(" 2.0")
        assert all(label in counted[0] for label in labels.split(","))
        for link in target._links:
            link.close()


# --- the guide ----------------------------------------------------------------------------------------------------

GUIDE = (rig.ROOT / "docs" / "fault-proxy.md").read_text()


@pytest.mark.parametrize("example", re.findall(r"```json\n(.*?)\n```", GUIDE, re.DOTALL))
def test_the_guides_examples_are_accepted(ours: Target, example: str) -> None:
    ours.link()
    ours.post("/proxies/link/toxics", json.loads(example), expect=200)


def test_every_difference_in_the_guide_has_its_test() -> None:
    table = GUIDE.split("## What differs")[1].split("Kept as they are")[0]
    rows = re.findall(r"^\|.*\| `(test_\w+)` \|$", table, re.MULTILINE)
    assert len(rows) == table.count("\n|") - 2
    assert set(rows) <= set(globals())


def test_the_guide_names_every_toxic_action_metric_and_outcome(ours: Target) -> None:
    found = ours.get("/capabilities")
    for name in [*found["toxics"], *found["http_fault_actions"]]:
        assert f"`{name}`" in GUIDE, name
    sources = "".join(path.read_text() for path in (rig.ROOT / "chaos" / "fault_proxy").rglob("*.py"))
    for outcome in re.findall(r'\.report\("([^"]+)"', sources):
        assert f"`{outcome}`" in GUIDE, outcome
    for metric in re.findall(r'MetricFamily\(\s*"(\w+)"', sources):
        assert f"`{metric}" in GUIDE, metric
