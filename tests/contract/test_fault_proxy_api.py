"""Points 1 to 17, 22 to 29 and 46 to 51 of the contract: the HTTP API, on ours and on Toxiproxy itself."""

import re
import socket
from pathlib import Path

import pytest
import requests

from tests.contract import fault_proxy_rig as rig
from tests.contract.fault_proxy_rig import Target, running

servers, target = rig.servers, rig.target

UP = "127.0.0.1:9"


def error(answer: requests.Response, status: int, text: str) -> None:
    """The error shape: JSON, but typed text/plain, ending in a line feed."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.text.endswith("}\n")
    body = answer.json()
    assert body["status"] == status
    assert body["error"].startswith(text), body


def create(target: Target, expect: int = 201, **fields: object) -> dict[str, object]:
    body = {"name": "p", "listen": "127.0.0.1:0", "upstream": UP, **fields}
    return target.post("/proxies", body, expect=expect)


def test_01_version(target: Target) -> None:
    answer = target.call("GET", "/version", expect=200)
    assert answer.headers["content-type"] == "application/json;charset=utf-8"
    assert re.fullmatch(r'{"version": "[^"]+"}\n', answer.text)


def test_02_no_proxies_is_an_empty_object(target: Target) -> None:
    answer = target.call("GET", "/proxies", expect=200)
    assert answer.text == "{}"
    assert answer.headers["content-type"] == "application/json"


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b'{"upstream":"127.0.0.1:9"}', "missing required field: name"),
        (b'{"name":"p"}', "missing required field: upstream"),
        (b"{}", "missing required field: name"),
        (b"", "bad request body: EOF"),
        (b"{", "bad request body: unexpected EOF"),
        (b"[]", "bad request body: "),
        (b'"text"', "bad request body: "),
        (b'{"name":7}', "bad request body: "),
        (b'{"name":"p","upstream":"u","enabled":"yes"}', "bad request body: "),
        (b"\xff\xfe", "bad request body: "),
    ],
)
def test_03_to_06_bad_proxy_bodies(target: Target, body: bytes, text: str) -> None:
    error(target.call("POST", "/proxies", raw=body), 400, text)
    assert target.get("/proxies") == {}


def test_07_create_answers_with_the_proxy(target: Target) -> None:
    proxy = create(target)
    proxy.pop("Logger", None)
    assert list(proxy) == ["name", "listen", "upstream", "enabled", "toxics"]
    assert (proxy["name"], proxy["upstream"], proxy["enabled"], proxy["toxics"]) == ("p", UP, True, [])


def test_08_port_0_is_reported_resolved(target: Target) -> None:
    host, _, port = str(create(target, listen="localhost:0")["listen"]).rpartition(":")
    assert host == "127.0.0.1"
    assert int(port) > 0


def test_09_no_listen_means_all_interfaces(target: Target) -> None:
    proxy = target.post("/proxies", {"name": "p", "upstream": UP}, expect=201)
    assert re.fullmatch(r"\[::\]:\d+", proxy["listen"])


def test_10_a_disabled_proxy_keeps_its_listen_text(target: Target) -> None:
    port = rig.free_port()
    proxy = create(target, listen=f"localhost:{port}", enabled=False)
    assert (proxy["listen"], proxy["enabled"]) == (f"localhost:{port}", False)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port))


def test_11_a_name_can_be_taken_once(target: Target) -> None:
    create(target)
    error(target.call("POST", "/proxies", {"name": "p", "upstream": UP}), 409, "proxy already exists")
    create(target, name="P")


def test_12_a_busy_port_leaves_nothing_behind(target: Target) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        answer = target.call("POST", "/proxies", {"name": "p", "listen": address, "upstream": UP})
        error(answer, 500, f"listen tcp {address}: bind: address already in use")
    assert target.get("/proxies") == {}


def test_12_a_listen_address_without_port(target: Target) -> None:
    answer = target.call("POST", "/proxies", {"name": "p", "listen": "local373", "upstream": UP})
    error(answer, 500, "listen tcp: address local373: missing port in address")


def test_13_the_upstream_is_not_validated(target: Target) -> None:
    assert create(target, upstream="not-an-address")["upstream"] == "not-an-address"


def test_14_to_16_bodies_are_read_as_go_reads_them(target: Target) -> None:
    raw = b'{"NAME":"p","Upstream":"127.0.0.1:9","LISTEN":"127.0.0.1:0","enabled":null,"color":"red"} trailing'
    assert target.call("POST", "/proxies", raw=raw, expect=201).json()["enabled"] is True


@pytest.mark.parametrize("method", ["PATCH", "POST"])
def test_17_both_verbs_update(target: Target, method: str) -> None:
    create(target)
    changed = target.call(method, "/proxies/p", {"upstream": "127.0.0.1:10", "name": "ignored"}, expect=200).json()
    assert (changed["name"], changed["upstream"], changed["enabled"]) == ("p", "127.0.0.1:10", True)


def test_17_a_bad_address_in_an_update_changes_nothing(target: Target) -> None:
    before = create(target)
    error(target.call("PATCH", "/proxies/p", {"listen": "garbage"}), 500, "address garbage: missing port in address")
    assert target.get("/proxies/p") == before


def test_17_a_busy_address_in_an_update_leaves_the_proxy_disabled(target: Target) -> None:
    create(target)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        error(target.call("PATCH", "/proxies/p", {"listen": address}), 500, "listen tcp")
    proxy = target.get("/proxies/p")
    assert (proxy["listen"], proxy["enabled"]) == (address, False)


def test_22_deleted_means_gone(target: Target) -> None:
    create(target)
    answer = target.call("DELETE", "/proxies/p", expect=204)
    assert answer.content == b""
    for method in ("GET", "DELETE", "POST"):
        error(target.call(method, "/proxies/p", {}), 404, "proxy not found")
    error(target.call("GET", "/proxies/p/toxics"), 404, "proxy not found")
    error(target.call("GET", "/proxies/p/toxics/t"), 404, "proxy not found")


def test_23_a_toxics_defaults(target: Target) -> None:
    create(target)
    toxic = target.post("/proxies/p/toxics", {"type": "latency"}, expect=200)
    assert list(toxic) == ["attributes", "name", "type", "stream", "toxicity"]
    assert toxic == {
        "attributes": {"latency": 0, "jitter": 0},
        "name": "latency_downstream",
        "type": "latency",
        "stream": "downstream",
        "toxicity": 1,
    }


def test_24_toxic_names_are_unique_across_streams(target: Target) -> None:
    create(target)
    target.post("/proxies/p/toxics", {"type": "latency", "name": "t", "stream": "upstream"}, expect=200)
    answer = target.call("POST", "/proxies/p/toxics", {"type": "noop", "name": "t", "stream": "downstream"})
    error(answer, 409, "toxic already exists")


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b'{"type":"latency","stream":""}', "stream was invalid, can be either upstream or downstream"),
        (b'{"type":"nonsense","stream":"sideways"}', "stream was invalid, can be either upstream or downstream"),
        (b'{"type":"nonsense"}', "invalid toxic type"),
        (b"{}", "invalid toxic type"),
        (b'{"type":"latency","attributes":{"latency":1.5}}', "bad request body: "),
        (b'{"type":"latency","attributes":{"latency":"100"}}', "bad request body: "),
        (b'{"type":"latency","attributes":[1]}', "bad request body: "),
        (b'{"type":"latency","attributes":{"latency":99999999999999999999}}', "bad request body: "),
        (b'{"type":"latency","toxicity":"often"}', "bad request body: "),
        (b"", "bad request body: EOF"),
        (b"[]", "bad request body: "),
    ],
)
def test_25_bad_toxic_bodies(target: Target, body: bytes, text: str) -> None:
    create(target)
    error(target.call("POST", "/proxies/p/toxics", raw=body), 400, text)
    assert target.get("/proxies/p/toxics") == []


def test_26_a_stream_keeps_its_letter_case(target: Target) -> None:
    create(target)
    toxic = target.post("/proxies/p/toxics", {"type": "slicer", "stream": "UPSTREAM"}, expect=200)
    assert (toxic["name"], toxic["stream"]) == ("slicer_UPSTREAM", "UPSTREAM")


def test_27_attributes_are_lenient(target: Target) -> None:
    create(target)
    attributes = {"LATENCY": 5, "jitter": None, "colour": "red"}
    toxic = target.post("/proxies/p/toxics", {"type": "latency", "attributes": attributes}, expect=200)
    assert toxic["attributes"] == {"latency": 5, "jitter": 0}


def test_28_upstream_toxics_are_listed_first(target: Target) -> None:
    create(target)
    for name in ("d1", "u1", "d2", "u2"):
        stream = "downstream" if name[0] == "d" else "upstream"
        target.post("/proxies/p/toxics", {"type": "noop", "name": name, "stream": stream}, expect=200)
    assert [toxic["name"] for toxic in target.get("/proxies/p/toxics")] == ["u1", "u2", "d1", "d2"]
    assert [toxic["name"] for toxic in target.get("/proxies/p")["toxics"]] == ["u1", "u2", "d1", "d2"]


@pytest.mark.parametrize("method", ["PATCH", "POST"])
def test_29_an_update_merges_attributes(target: Target, method: str) -> None:
    create(target)
    target.post("/proxies/p/toxics", {"type": "latency", "attributes": {"latency": 5, "jitter": 3}}, expect=200)
    body = {"name": "n", "type": "noop", "stream": "upstream", "toxicity": 0.2, "attributes": {"jitter": 4}}
    toxic = target.call(method, "/proxies/p/toxics/latency_downstream", body, expect=200).json()
    assert toxic["attributes"] == {"latency": 5, "jitter": 4}
    assert (toxic["name"], toxic["type"], toxic["stream"]) == ("latency_downstream", "latency", "downstream")
    assert toxic["toxicity"] == 0.2
    assert target.get("/proxies/p/toxics/latency_downstream") == toxic


def test_29_a_bad_update_changes_nothing(target: Target) -> None:
    create(target)
    before = target.post("/proxies/p/toxics", {"type": "latency", "attributes": {"latency": 5}}, expect=200)
    bad = {"attributes": {"latency": "slow"}, "toxicity": 0.1}
    error(target.call("PATCH", "/proxies/p/toxics/latency_downstream", bad), 400, "bad request body: ")
    assert target.get("/proxies/p/toxics/latency_downstream") == before


def test_30_a_deleted_toxic_is_gone(target: Target) -> None:
    create(target)
    target.post("/proxies/p/toxics", {"type": "noop"}, expect=200)
    target.call("DELETE", "/proxies/p/toxics/noop_downstream", expect=204)
    for method in ("GET", "DELETE", "PATCH"):
        error(target.call(method, "/proxies/p/toxics/noop_downstream", {}), 404, "toxic not found")


def test_46_populate_creates_keeps_and_replaces(target: Target) -> None:
    same, moved = rig.free_port(), rig.free_port()
    entries = [
        {"name": "same", "listen": f"localhost:{same}", "upstream": UP},
        {"name": "moved", "listen": f"127.0.0.1:{moved}", "upstream": UP},
    ]
    created = target.post("/populate", entries, expect=201)["proxies"]
    assert [proxy["name"] for proxy in created] == ["same", "moved"]
    for name in ("same", "moved"):
        target.post(f"/proxies/{name}/toxics", {"type": "noop"}, expect=200)
    target.post("/proxies/same", {"enabled": False}, expect=200)

    entries[1]["upstream"] = "127.0.0.1:10"
    target.post("/populate", [{**entries[0], "enabled": True}, entries[1]], expect=201)
    kept, replaced = target.get("/proxies/same"), target.get("/proxies/moved")
    assert (kept["enabled"], len(kept["toxics"])) == (False, 1)
    assert (replaced["upstream"], replaced["enabled"], replaced["toxics"]) == ("127.0.0.1:10", True, [])


def test_46_populate_never_deletes(target: Target) -> None:
    create(target)
    assert target.post("/populate", [], expect=201) == {"proxies": None}
    assert list(target.get("/proxies")) == ["p"]


@pytest.mark.parametrize(
    ("entries", "text"),
    [
        ([{"name": "a", "upstream": UP}, {"upstream": UP}], "missing required field: name at proxy 2"),
        ([{"name": "a"}], "missing required field: upstream at proxy 1"),
        ({"name": "a"}, "bad request body: "),
    ],
)
def test_46_populate_checks_everything_first(target: Target, entries: object, text: str) -> None:
    answer = target.call("POST", "/populate", entries, expect=400)
    assert answer.headers["content-type"] == "application/json"
    assert answer.json()["error"].startswith(text)
    assert answer.json()["proxies"] is None
    assert target.get("/proxies") == {}


def test_46_populate_stops_at_the_first_that_cannot_start(target: Target) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        busy = f"127.0.0.1:{taken.getsockname()[1]}"
        entries = [
            {"name": "a", "listen": "127.0.0.1:0", "upstream": UP},
            {"name": "b", "listen": busy, "upstream": UP},
            {"name": "c", "listen": "127.0.0.1:0", "upstream": UP},
        ]
        body = target.call("POST", "/populate", entries, expect=500).json()
    assert body["error"].startswith("listen tcp")
    assert [proxy["name"] for proxy in body["proxies"]] == ["a"]
    assert list(target.get("/proxies")) == ["a"]


def test_47_reset_enables_and_clears(target: Target) -> None:
    create(target)
    target.post("/proxies/p/toxics", {"type": "noop"}, expect=200)
    target.post("/proxies/p", {"enabled": False}, expect=200)
    assert target.call("POST", "/reset", expect=204).content == b""
    proxy = target.get("/proxies/p")
    assert (proxy["enabled"], proxy["toxics"]) == (True, [])


@pytest.mark.parametrize("path", ["/proxies", "/version", "/proxies/p/toxics"])
def test_48_browsers_are_refused(target: Target, path: str) -> None:
    answer = target.call("GET", path, headers={"User-Agent": "Mozilla/5.0 (X11)"}, expect=403)
    assert answer.text == "User agent not allowed\n"
    assert answer.headers["content-type"].startswith("text/plain")
    assert "x-toxiproxy-request-id" in answer.headers


@pytest.mark.parametrize(
    ("method", "path"),
    [("PUT", "/proxies"), ("HEAD", "/proxies"), ("OPTIONS", "/version"), ("DELETE", "/reset"), ("GET", "/populate")],
)
def test_49_a_wrong_method(target: Target, method: str, path: str) -> None:
    answer = target.call(method, path, expect=405)
    assert answer.content == b""
    assert "allow" not in answer.headers


@pytest.mark.parametrize("path", ["/", "/nothing", "/proxies/", "/proxies/p/toxics/t/more"])
def test_49_an_unknown_path(target: Target, path: str) -> None:
    answer = target.call("GET", path, expect=404)
    assert answer.text == "404 page not found\n"
    assert "x-toxiproxy-request-id" not in answer.headers


def test_49_double_slashes_are_redirected(target: Target) -> None:
    answer = target.call("GET", "//proxies", expect=301, allow_redirects=False)
    assert answer.headers["location"] == "/proxies"


def test_49_names_in_paths_are_decoded(target: Target) -> None:
    create(target, name="sp ace é")
    assert target.get("/proxies/sp%20ace%20%C3%A9")["name"] == "sp ace é"


def test_50_every_routed_answer_has_a_request_id(target: Target) -> None:
    answers = [target.call("GET", "/proxies"), target.call("GET", "/proxies/none"), target.call("POST", "/reset")]
    ids = {answer.headers["x-toxiproxy-request-id"] for answer in answers}
    assert len(ids) == 3


def test_51_metrics_are_off_by_default(target: Target) -> None:
    assert target.call("GET", "/metrics", expect=404).text == "404 page not found\n"


@pytest.mark.parametrize("kind", [rig.OURS, pytest.param(rig.REAL, marks=pytest.mark.toxiproxy)])
def test_51_the_byte_counters(kind: str) -> None:
    with running(kind, "-proxy-metrics") as target:
        link = target.link("counted")
        client, server = link.pair()
        client.sendall(b"12345")
        assert rig.receive(server, 5) == b"12345"
        server.sendall(b"123")
        assert rig.receive(client, 3) == b"123"
        client.close()
        assert rig.ending(server) == "FIN"

        def lines() -> set[str]:
            answer = target.call("GET", "/metrics", expect=200)
            assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
            return set(answer.text.splitlines())

        ends = f'listener="{link.listen}",proxy="counted",upstream="{link.upstream.address}"'

        def expected(name: str, direction: str, count: int) -> str:
            labels = f'direction="{direction}",{ends}'
            return f"toxiproxy_proxy_{name}_bytes_total{{{labels}}} {count}"

        wanted = [
            (name, direction, count)
            for name in ("received", "sent")
            for direction, count in (("upstream", 5), ("downstream", 3))
        ]
        floats = {f"{expected(*item)}.0" for item in wanted}
        plain = {expected(*item) for item in wanted}
        assert rig.eventually(lambda: (plain <= lines()) or (floats <= lines())), lines()
        link.close()


@pytest.mark.parametrize("kind", [rig.OURS, pytest.param(rig.REAL, marks=pytest.mark.toxiproxy)])
def test_a_config_file_is_a_populate(kind: str, tmp_path: Path) -> None:
    config = tmp_path / "proxies.json"
    config.write_text(f'[{{"name":"p","listen":"127.0.0.1:{rig.free_port()}","upstream":"{UP}"}}]')
    with running(kind, "-config", str(config)) as target:
        assert list(target.get("/proxies")) == ["p"]
        assert target.stop() == 0


@pytest.mark.parametrize("kind", [rig.OURS, pytest.param(rig.REAL, marks=pytest.mark.toxiproxy)])
@pytest.mark.parametrize("content", [None, "{", "[{}]"])
def test_a_bad_config_file_does_not_keep_it_from_starting(kind: str, content: str | None, tmp_path: Path) -> None:
    config = tmp_path / "proxies.json"
    if content is not None:
        config.write_text(content)
    with running(kind, "-config", str(config)) as target:
        assert target.get("/proxies") == {}
