"""The fault proxy fed with nonsense: it never crashes, never answers 500, and never leaks a socket (counted)."""

import contextlib
import json
import socket

import requests
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.contract import fault_proxy_rig as rig
from tests.contract.fault_proxy_rig import Target, receive

counting_server, ours = rig.counting_server, rig.counted

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
@given(request=st.binary(max_size=200), head=st.booleans())
def test_fuzzed_streams_pass_a_fault_that_does_not_match(ours: Target, request: bytes, head: bool) -> None:
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
