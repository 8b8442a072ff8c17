"""`http_fault`: what a TCP toxic cannot do, over real sockets and a pooled keep-alive client."""

import time
from collections.abc import Iterator

import pytest
import requests

from tests.contract import fault_proxy_rig as rig
from tests.contract.fault_proxy_rig import Target, eventually
from tests.contract.fault_proxy_web import Web

our_server, ours = rig.our_server, rig.ours

LOST = (requests.ConnectionError, requests.exceptions.ChunkedEncodingError)


@pytest.fixture
def web(ours: Target) -> Iterator[Web]:
    found = Web(ours)
    yield found
    found.close()


def test_a_request_is_dropped_before_it_has_an_effect(web: Web) -> None:
    web.fault("drop_request")
    with pytest.raises(LOST):
        web.call("POST", "/lost", data=b"body")
    web.heal()
    assert web.call(path="/next").status_code == 200
    assert web.paths == ["/next"]


def test_a_response_is_dropped_after_the_effect(web: Web) -> None:
    web.fault("drop_response")
    with pytest.raises(LOST):
        web.call("POST", "/done", data=b"body")
    assert [(item.path, item.body) for item in web.seen] == [("/done", b"body")]
    outcome = web.outcome()
    assert (outcome["outcome"], outcome["upstream_status"]) == ("dropped", 200)


def test_a_held_request_is_delivered_late_to_a_patient_client(web: Web) -> None:
    web.fault("hold", ms=200)
    clock = rig.Clock()
    assert web.call("POST", "/late", data=b"body").text == "answer to /late"
    assert 0.19 <= clock() < 2


def test_a_held_request_is_a_zombie_when_its_client_has_given_up(web: Web) -> None:
    web.fault("hold", ms=500, first=1)
    start = time.monotonic()
    with pytest.raises(requests.ReadTimeout):
        web.call("POST", "/zombie", timeout=0.1, data=b"body")
    assert web.call("POST", "/compensation").status_code == 200
    assert eventually(lambda: len(web.seen) == 2)
    assert web.paths == ["/compensation", "/zombie"]
    assert web.seen[1].body == b"body"
    assert web.seen[1].at - start >= 0.49
    assert web.outcome()["client_gone"] is True


def test_a_held_request_outlives_the_servers_patience_with_idle_connections(ours: Target) -> None:
    web = Web(ours, idle_limit=0.1)
    try:
        web.fault("hold", ms=400)
        assert web.call(path="/late").text == "answer to /late"
        with pytest.raises(requests.ReadTimeout):
            web.call(path="/zombie", timeout=0.2)
        assert eventually(lambda: web.paths == ["/late", "/zombie"])
    finally:
        web.close()


def test_removing_the_fault_delivers_what_it_held_at_once(web: Web) -> None:
    web.fault("hold", ms=60_000)
    with pytest.raises(requests.ReadTimeout):
        web.call(path="/zombie", timeout=0.1)
    web.heal()
    assert eventually(lambda: web.paths == ["/zombie"])


def test_disabling_the_proxy_drops_what_is_held(web: Web) -> None:
    web.fault("hold", ms=300)
    with pytest.raises(requests.ReadTimeout):
        web.call(path="/zombie", timeout=0.1)
    web.target.post("/proxies/web", {"enabled": False}, expect=200)
    web.target.call("POST", "/reset", expect=204)
    assert web.call(path="/next").ok
    assert web.outcome()["outcome"] == "abandoned"
    assert web.paths == ["/next"]


def test_a_request_is_delivered_twice(web: Web) -> None:
    web.fault("duplicate")
    assert web.call("POST", "/twice", data=iter([b"bo", b"dy"])).text == "answer to /twice"
    assert eventually(lambda: len(web.seen) == 2)
    assert {(item.path, item.body) for item in web.seen} == {("/twice", b"body")}
    assert web.outcome()["upstream_status"] == 200


def test_the_copy_can_come_later(web: Web) -> None:
    web.fault("duplicate", ms=200, first=1)
    web.call(path="/a")
    web.call(path="/b")
    assert eventually(lambda: web.paths == ["/a", "/b", "/a"])


def test_a_status_is_answered_without_a_delivery(web: Web) -> None:
    web.fault("status", status=503, body={"title": "busy"}, retry_after=7, headers={"X-Why": "test"})
    for path in ("/a", "/b"):
        answer = web.call("POST", path, data=b"x" * 1000)
        assert (answer.status_code, answer.json()) == (503, {"title": "busy"})
        assert (answer.headers["retry-after"], answer.headers["x-why"]) == ("7", "test")
        assert answer.headers["content-type"] == "application/json"
    web.heal()
    web.call(path="/c")
    assert web.paths == ["/c"]
    assert len({event["connection"] for event in web.events("fired")}) == 1  # keep-alive survives


def test_a_status_can_be_answered_after_the_effect(web: Web) -> None:
    web.fault("status", status=500, deliver=True)
    assert web.call("POST", "/done", headers={"X-Chunked": "1"}).status_code == 500
    assert web.call("HEAD", "/head").status_code == 500
    assert web.paths == ["/done", "/head"]


def test_a_status_without_a_body(web: Web) -> None:
    web.fault("status", status=204)
    answer = web.call("DELETE", "/x")
    assert (answer.status_code, answer.content) == (204, b"")
    assert "content-length" not in answer.headers
    web.call("HEAD", "/y")
    assert web.paths == []


@pytest.mark.parametrize("headers", [{}, {"X-Chunked": "1"}])
def test_an_answer_is_cut(web: Web, headers: dict[str, str]) -> None:
    web.fault("cut", bytes=6)
    with pytest.raises(LOST):
        web.call(path="/long", headers=headers)
    assert web.paths == ["/long"]
    assert web.outcome()["outcome"] == "cut"


def test_an_answer_that_is_too_short_is_not_cut(web: Web) -> None:
    web.fault("cut", bytes=1000)
    assert web.call(path="/short").text == "answer to /short"
    assert web.outcome()["outcome"] == "too short to cut"


def test_the_client_can_be_left_in_silence_or_be_reset(web: Web) -> None:
    web.fault("drop_response", then="silence")
    with pytest.raises(requests.ReadTimeout):
        web.call(path="/silence", timeout=0.2)
    web.heal()
    web.fault("drop_response", then="reset")
    with pytest.raises(requests.ConnectionError, match="reset by peer"):
        web.call(path="/reset")
    assert web.paths == ["/silence", "/reset"]


def test_only_the_nth_match_is_hit(web: Web) -> None:
    web.fault("status", status=418, nth=3, match={"path": "^/git"})
    paths = ["/git", "/other", "/git", "/git", "/git"]
    assert [web.call(path=path).status_code for path in paths] == [200, 200, 200, 418, 200]


def test_only_the_first_matches_are_hit(web: Web) -> None:
    web.fault("status", status=418, first=2)
    assert [web.call().status_code for _ in range(4)] == [418, 418, 200, 200]


def test_an_update_counts_anew(web: Web) -> None:
    web.fault("status", status=418, nth=1)
    assert [web.call().status_code for _ in range(2)] == [418, 200]
    web.target.call("PATCH", "/proxies/web/toxics/fault", {"attributes": {"status": 500}}, expect=200)
    assert [web.call().status_code for _ in range(2)] == [500, 200]


@pytest.mark.parametrize(
    ("match", "hit"),
    [
        ({"method": "POST"}, False),
        ({"method": "get"}, True),
        ({"path": "q=1$"}, True),
        ({"path": "^/b"}, False),
        ({"headers": {"X-Saga-Id": "^wiki-7"}}, True),
        ({"headers": {"X-Saga-Id": "other"}}, False),
        ({"headers": {"X-Absent": ""}}, False),
        ({"method": "GET", "path": "/a", "headers": {"x-saga-id": "7"}}, True),
    ],
)
def test_what_a_fault_matches(web: Web, match: dict[str, object], hit: bool) -> None:
    web.fault("status", status=418, match=match)
    answer = web.call(path="/a?q=1", headers={"X-Saga-Id": "wiki-7"})
    assert (answer.status_code == 418) is hit


def test_every_fault_counts_and_the_first_that_is_due_acts(web: Web) -> None:
    web.fault("status", "one", status=418, nth=2)
    web.fault("status", "two", status=419, nth=3)
    web.fault("status", "three", status=420)
    assert [web.call().status_code for _ in range(4)] == [420, 418, 419, 420]


def test_toxicity_is_rolled_for_each_request(web: Web) -> None:
    web.fault("status", status=418, toxicity=0.5)
    hits = sum(web.call().status_code == 418 for _ in range(200))
    assert 65 <= hits <= 135  # five standard deviations
    assert len({event["connection"] for event in web.events("fired")}) == 1


def test_a_fault_hits_the_next_request_of_a_connection_that_was_open_before(web: Web) -> None:
    for _ in range(3):
        web.call(path="/before")
    web.fault("drop_response", nth=1)
    with pytest.raises(LOST):
        web.call(path="/hit")
    assert web.paths[-1] == "/hit"
    assert len({item.port for item in web.seen}) == 1  # it was the pooled connection


def test_tcp_toxics_act_beside_a_fault(web: Web) -> None:
    web.target.post("/proxies/web/toxics", {"type": "latency", "attributes": {"latency": 150}}, expect=200)
    web.fault("drop_response", match={"path": "/hit"})
    clock = rig.Clock()
    assert web.call(path="/slow").ok
    assert clock() >= 0.149
    with pytest.raises(LOST):
        web.call(path="/hit")


def test_its_stream_is_of_no_matter(web: Web) -> None:
    body = {"type": "http_fault", "stream": "upstream", "attributes": {"action": "status", "status": 418}}
    toxic = web.target.post("/proxies/web/toxics", body, expect=200)
    assert toxic["name"] == "http_fault_upstream"
    assert web.call().status_code == 418


@pytest.mark.parametrize(
    ("attributes", "named"),
    [
        ({}, "action"),
        ({"action": "explode"}, "action"),
        ({"action": "status"}, "status"),
        ({"action": "status", "status": 99}, "status"),
        ({"action": "status", "status": 500, "headers": {"A": "b\r\nC: d"}}, "headers"),
        ({"action": "hold", "ms": -1}, "ms"),
        ({"action": "hold", "ms": 1.5}, "ms"),
        ({"action": "cut", "bytes": "many"}, "bytes"),
        ({"action": "hold", "nth": 0}, "nth"),
        ({"action": "hold", "nth": 1, "first": 1}, "nth and first"),
        ({"action": "hold", "then": "explode"}, "then"),
        ({"action": "hold", "patj": "/x"}, "patj"),
        ({"action": "hold", "match": {"path": "("}}, "match.path"),
        ({"action": "hold", "match": {"url": "/"}}, "match.url"),
        ({"action": "hold", "match": {"headers": {"A": 1}}}, "match.headers.a"),
        ({"action": "hold", "match": "GET"}, "match"),
    ],
)
def test_bad_attributes_are_named(web: Web, attributes: dict[str, object], named: str) -> None:
    answer = web.target.call(
        "POST", "/proxies/web/toxics", {"type": "http_fault", "attributes": attributes}, expect=400
    )
    assert answer.json()["error"].startswith("bad request body: ")
    assert named in answer.json()["error"]
    assert web.target.get("/proxies/web/toxics") == []


def test_a_fault_is_shown_as_it_was_given(web: Web) -> None:
    attributes = {"action": "hold", "ms": 5, "nth": 2, "match": {"method": "POST", "headers": {"x-a": "b"}}}
    web.fault(**attributes)
    shown = web.target.get("/proxies/web/toxics/fault")["attributes"]
    assert attributes.items() <= shown.items()
    web.heal()
    web.fault(**shown)  # what is shown can be given back
