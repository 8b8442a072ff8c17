"""Virtual time and the scheduler."""

from __future__ import annotations

import random
import time

import pytest

from chaos.explorer.hub import START, Hub, Killed, Task


def test_sleeping_moves_the_time_and_nobody_waits() -> None:
    hub, began = Hub(), time.monotonic()
    hub.spawn("sleeper", lambda: hub.sleep_until(START + 86_400))
    hub.run()
    assert hub.now == START + 86_400
    assert time.monotonic() - began < 10


def test_whoever_is_due_first_runs_first() -> None:
    hub, seen = Hub(), list[str]()

    def sleeper(name: str, *times: float) -> None:
        for at in times:
            hub.sleep_until(START + at)
            seen.append(f"{name} {at:g}")

    hub.spawn("a", lambda: sleeper("a", 1, 4))
    hub.spawn("b", lambda: sleeper("b", 2, 3))
    hub.run()
    assert seen == ["a 1", "b 2", "b 3", "a 4"]


def _interleaved(seed: int | None) -> list[str]:
    hub, seen = Hub(None if seed is None else random.Random(seed)), list[str]()

    def talker(name: str) -> None:
        for _ in range(3):
            hub.switch()
            seen.append(name)

    for name in "abc":
        hub.spawn(name, lambda name=name: talker(name))  # type: ignore[misc]
    hub.run()
    return seen


def test_a_seed_decides_who_overtakes_whom() -> None:
    assert _interleaved(1) == _interleaved(1)
    assert len({tuple(_interleaved(seed)) for seed in range(20)}) > 5


def test_without_a_seed_nobody_overtakes_anybody() -> None:
    assert _interleaved(None) == ["a"] * 3 + ["b"] * 3 + ["c"] * 3


def test_while_a_participant_is_in_a_request_nobody_else_runs() -> None:
    hub, seen = Hub(random.Random(1)), list[str]()

    def holder() -> None:
        hub.held += 1
        hub.sleep_until(START + 5)
        seen.append("holder")
        hub.held -= 1

    hub.spawn("holder", holder)
    hub.spawn("other", lambda: seen.append("other"), START + 1)
    hub.run()
    assert seen == ["holder", "other"]


def test_a_killed_task_is_told_of_and_its_defect_is_not_swallowed() -> None:
    hub, dead = Hub(), list[Task]()
    hub.on_killed = dead.append

    def dies() -> None:
        raise Killed

    killed = hub.spawn("dies", dies)
    hub.run()
    assert dead == [killed]

    def breaks() -> None:
        raise RuntimeError("a defect")

    hub.spawn("breaks", breaks)
    with pytest.raises(RuntimeError, match="a defect"):
        hub.run()
