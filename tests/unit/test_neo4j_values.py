"""Engine values in plain and typed JSON."""

from __future__ import annotations

import datetime as dt
import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neo4j_stub import values

NODE = {"id": 3, "labels": ["Page"], "properties": {"id": 3, "type": "Page", "title": "A", "name": "A", "n": 1}}
OTHER = {"id": 4, "labels": ["Page"], "properties": {"id": 4, "type": "Page", "title": "Page_4"}}
LINK = {"id": 0, "start": 3, "end": 4, "type": "LINKS_TO", "properties": {"saga_id": "s"}}


def test_what_the_engine_only_shows_is_left_out() -> None:
    assert values.plain(NODE) == {"elementId": "3", "labels": ["Page"], "properties": {"name": "A", "n": 1}}
    own = {"id": 3, "labels": ["Page"], "properties": {"id": "mine", "type": "own", "title": "T", "name": "A"}}
    assert values.plain(own)["properties"] == own["properties"]


def test_paths_alternate() -> None:
    path = values.plain({"nodes": [NODE, OTHER], "relationships": [LINK]})
    assert [each["elementId"] for each in path] == ["3", "0", "4"]
    assert path[1]["startNodeElementId"] == "3" and path[1]["type"] == "LINKS_TO"


@pytest.mark.parametrize(
    ("value", "kind", "text"),
    [
        (dt.date(2015, 3, 26), "Date", "2015-03-26"),
        (dt.datetime(2020, 1, 1, 10, tzinfo=dt.UTC), "OffsetDateTime", "2020-01-01T10:00:00Z"),
        (dt.datetime(2020, 1, 1, 10), "LocalDateTime", "2020-01-01T10:00:00"),  # noqa: DTZ001 - a local one
        (dt.time(10, tzinfo=dt.UTC), "Time", "10:00:00Z"),
        ({"months": 14, "days": 3, "seconds": 5}, "Duration", "P14M3DT5S"),
        ({"months": 0, "days": 0, "seconds": 0}, "Duration", "PT0S"),
        (b"\x00\xff", "Base64", "AP8="),
        (math.inf, "Float", "inf"),
    ],
)
def test_what_json_has_no_word_for(value: Any, kind: str, text: str) -> None:
    assert values.plain(value) == text
    assert values.typed(value) == {"$type": kind, "_value": text}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(min_size=6), inner, max_size=4),
    max_leaves=15,
)


@given(JSON)
def test_plain_values_stay_and_typed_values_come_back(value: Any) -> None:
    assert json.loads(json.dumps(values.plain(value))) == value
    assert values.from_typed(values.typed(value)) == value


@pytest.mark.parametrize(
    "item", [5, {}, {"$type": "Integer"}, {"$type": "Node", "_value": {}}, {"$type": "Integer", "_value": "x"}]
)
def test_what_is_no_parameter(item: Any) -> None:
    with pytest.raises(ValueError):
        values.from_typed(item)
