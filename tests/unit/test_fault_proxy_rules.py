"""The fault proxy's small rules: bodies, addresses, matching, counting, chance and the event log."""

import asyncio
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaos.fault_proxy import addresses, bodies
from chaos.fault_proxy.errors import AddressFault, BadRequest
from chaos.fault_proxy.events import EventLog
from chaos.fault_proxy.toxic import ToxicRequest
from chaos.fault_proxy.toxics import find, names
from chaos.fault_proxy.toxics.http_fault import HttpFault, Match
from chaos.fault_proxy.toxics.slicer import Slicer

# --- bodies -----------------------------------------------------------------------------------------------------


@given(st.binary(max_size=200))
def test_any_bytes_are_a_value_or_a_bad_request(body: bytes) -> None:
    try:
        bodies.decode(body)
    except BadRequest as error:
        assert error.message.startswith("bad request body: ")


@pytest.mark.parametrize(
    "body", [b"[" * 100_000, b"9" * 5000, b"NaN", b"Infinity", b'{"a":', b'{"a":"', b"\xef\xbb\xbf{}"]
)
def test_bodies_that_python_would_choke_on(body: bytes) -> None:
    with pytest.raises(BadRequest):
        bodies.decode(body)


def test_only_the_first_value_counts() -> None:
    assert bodies.decode(b' {"a": 1} [') == {"a": 1}


def test_names_are_folded_and_nulls_left_out() -> None:
    assert bodies.fields({"NAME": 1, "x": None}) == {"name": 1}


def test_half_a_surrogate_pair_is_replaced() -> None:
    assert bodies.text(bodies.fields(json.loads('{"name": "a\\ud800"}')), "name") == "a\ufffd"


# --- addresses ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "parts"),
    [("", ("", 0)), (":80", ("", 80)), ("h:1", ("h", 1)), ("[::1]:2", ("::1", 2)), ("127.0.0.1:", ("127.0.0.1", 0))],
)
def test_an_address_is_split(text: str, parts: tuple[str, int]) -> None:
    assert addresses.split(text) == parts


@pytest.mark.parametrize(
    "text", ["garbage", "::1:80", "h:port", "h:65536", "h:-1", "[::1]", "h:1e3", "h:" + "9" * 5000]
)
def test_an_address_is_refused(text: str) -> None:
    with pytest.raises(AddressFault):
        addresses.split(text)


# --- toxics -------------------------------------------------------------------------------------------------------


def test_all_types_are_registered() -> None:
    assert names() == sorted(
        ["latency", "bandwidth", "slow_close", "timeout", "reset_peer", "slicer", "limit_data", "noop", "http_fault"]
    )
    assert find("latencz") is None


@pytest.mark.parametrize(("given_", "shown"), [(1, "1"), (0.2, "0.2"), (0.123456789, "0.12345679"), (0, "0")])
def test_a_toxicity_is_shown_as_the_shortest_32_bit_float(given_: float, shown: str) -> None:
    toxic = ToxicRequest.parse({"type": "noop", "toxicity": given_}).build("seed")
    assert json.dumps(toxic.to_json()["toxicity"]) == shown


def rolls(seed: str, name: str = "t") -> list[float]:
    toxic = ToxicRequest.parse({"type": "noop", "name": name}).build(seed)
    return [toxic.random(number).random() for number in range(20)]


def test_chance_repeats_with_the_seed_and_only_with_it() -> None:
    assert rolls("42/p") == rolls("42/p")
    assert rolls("42/p") != rolls("43/p")
    assert rolls("42/p") != rolls("42/q")
    assert rolls("42/p", "t") != rolls("42/p", "u")


def test_an_update_rolls_anew() -> None:
    toxic = ToxicRequest.parse({"type": "noop"}).build("seed")
    before = toxic.random(1).random()
    toxic.update({})
    assert toxic.random(1).random() != before


@given(st.binary(max_size=3000), st.integers(0, 50), st.integers(0, 60), st.randoms(use_true_random=False))
def test_slices_are_the_data(data: bytes, size: int, variation: int, random: object) -> None:
    pieces = list(Slicer(average_size=size, size_variation=variation)._pieces(data, random))  # type: ignore[arg-type]
    assert b"".join(pieces) == data
    assert all(pieces) or not data
    if size:
        assert all(len(piece) - size <= variation or len(piece) == 1 for piece in pieces)


# --- http_fault ---------------------------------------------------------------------------------------------------


def fault(**attributes: object) -> HttpFault:
    return HttpFault.from_json({"action": "status", "status": 503, **attributes})


@pytest.mark.parametrize(
    ("attributes", "fires"),
    [({}, [1, 2, 3, 4]), ({"nth": 3}, [3]), ({"first": 2}, [1, 2])],
)
def test_which_matches_fire(attributes: dict[str, int], fires: list[int]) -> None:
    assert [number for number in range(1, 5) if fault(**attributes).due(number)] == fires


def test_an_update_merges_and_null_takes_back() -> None:
    before = fault(nth=3, match={"path": "^/a"})
    after = HttpFault.from_json(bodies.fields({"status": 500, "nth": None}), before)
    assert (after.status, after.nth, after.match) == (500, 3, before.match)


@given(st.dictionaries(st.text(max_size=8), st.none() | st.integers() | st.text(max_size=5) | st.lists(st.integers())))
def test_garbage_attributes_are_refused_with_a_message(garbage: dict[str, object]) -> None:
    for known in ("action", "match", "nth", "status", "headers", "bytes", "ms", "then", "deliver", "body"):
        for value in garbage.values():
            try:
                fault(**{known: value} if value is not None else {})
            except BadRequest as error:
                assert known in error.message


def test_a_match_searches_path_and_query() -> None:
    match = Match.from_json({"path": r"/snapshot/.*\?x=1$", "headers": {"X-Saga-Id": "-7$"}})
    assert match.accepts("GET", "/v1/snapshot/p?x=1", {"x-saga-id": "wiki-7"})
    assert not match.accepts("GET", "/v1/snapshot/p?x=12", {"x-saga-id": "wiki-7"})
    assert not match.accepts("GET", "/v1/snapshot/p?x=1", {})


# --- events -------------------------------------------------------------------------------------------------------


def test_events_are_numbered_and_the_oldest_forgotten() -> None:
    log = EventLog(kept=3)
    for number in range(5):
        log.add("fired", number=number, nothing=None)
    assert [event["id"] for event in log.since(0)] == [3, 4, 5]
    assert [event["id"] for event in log.since(4)] == [5]
    assert [event["id"] for event in log.since(0, limit=1)] == [3]
    assert log.since(5) == log.since(99) == []
    assert "nothing" not in log.since(4)[0]


def test_followers_get_what_comes_and_end_with_the_log() -> None:
    async def scenario() -> list[int | None]:
        log = EventLog()
        log.add("old")
        seen: list[int | None] = []

        async def follow() -> None:
            async for event in log.follow(0, heartbeat=0.01):
                seen.append(event and event["id"])

        following = asyncio.create_task(follow())
        while None not in seen:  # until a heartbeat came
            await asyncio.sleep(0)
        log.add("new")
        while 2 not in seen:
            await asyncio.sleep(0)
        log.close()
        await following
        return seen

    seen = asyncio.run(scenario())
    assert [number for number in seen if number is not None] == [1, 2]
