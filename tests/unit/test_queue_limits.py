"""When whoever was turned away should come back."""

from __future__ import annotations

import pytest

from backend.queue_limits import LONGEST, UNKNOWN, seconds_until_a_place_is_free
from backend.saga.events import Event, EventType

T = EventType


def taking(seconds: float, waited: float = 500.0) -> list[Event]:
    return [Event(T.REQUESTED, 0.0), Event(T.CLAIMED, waited), Event(T.COMMITTED, waited + seconds)]


@pytest.mark.parametrize(
    ("recent", "answer"),
    [
        ([], UNKNOWN),
        ([taking(7.2)], 8.0),
        ([taking(3), taking(90), taking(4)], 4.0),  # one that took long does not count for more than one
        ([taking(0.01)], 1.0),
        ([taking(4000)], LONGEST),
        ([[Event(T.REQUESTED, 0.0)]], UNKNOWN),
    ],
)
def test_the_wait_is_what_a_generation_takes_without_its_own_waiting(recent, answer):
    assert seconds_until_a_place_is_free(recent) == answer
