"""When a user of a load test that was turned away comes back."""

from __future__ import annotations

import pytest
from requests.structures import CaseInsensitiveDict

from loadtests.answers import retry_after


@pytest.mark.parametrize(("value", "seconds"), [("0", 0.0), ("3", 3.0), ("120", 120.0)])
def test_the_seconds_are_those_that_the_answer_asks_for(value: str, seconds: float) -> None:
    assert retry_after({"Retry-After": value}) == seconds


def test_the_name_of_the_header_may_be_written_in_any_way() -> None:
    assert retry_after(CaseInsensitiveDict({"retry-after": "7"})) == 7.0


@pytest.mark.parametrize(
    "value", ["", " ", "-1", "1.5", "1e3", "nan", "soon", "٣", "²", "Fri, 31 Dec 2027 23:59:59 GMT"]
)
def test_what_makes_no_sense_as_seconds_is_none(value: str) -> None:
    assert retry_after({"Retry-After": value}) is None


def test_an_answer_that_does_not_say_when_is_none() -> None:
    assert retry_after({}) is None
