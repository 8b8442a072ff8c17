"""When a participant is spared: the arithmetic of the policy."""

from __future__ import annotations

import pytest

from backend.circuits import Circuits
from backend.saga.circuit import Circuit, CircuitPolicy, admitted, answered, ready_at
from tests.unit.saga_worlds import JumpingClock

POLICY = CircuitPolicy()


def after_failures(count: int, now: float = 0.0) -> Circuit:
    circuit = Circuit()
    for _ in range(count):
        circuit = answered(circuit, POLICY, now, False)
    return circuit


def test_calls_go_through_until_so_many_in_a_row_have_failed():
    assert ready_at(after_failures(4)) == 0.0
    assert ready_at(after_failures(5)) == 1.0


def test_a_success_between_failures_begins_the_series_anew():
    circuit = answered(after_failures(4), POLICY, 0.0, True)
    assert ready_at(answered(circuit, POLICY, 0.0, False)) == 0.0


def test_the_pauses_are_those_that_the_docstring_shows():
    circuit, now, pauses = after_failures(5), 0.0, []
    for _ in range(8):
        pauses.append(ready_at(circuit) - now)
        now = ready_at(circuit)
        circuit = answered(admitted(circuit, POLICY, now), POLICY, now, False)
    assert pauses == [1, 2, 4, 8, 16, 30, 30, 30]


def test_failures_of_calls_that_were_under_way_do_not_lengthen_the_pause():
    assert ready_at(after_failures(50)) == 1.0


def test_a_call_whose_answer_never_comes_does_not_bar_the_next():
    circuit = admitted(after_failures(5), POLICY, 1.0)
    assert ready_at(circuit) == 3.0


def test_one_success_lets_everybody_through_again():
    circuit = admitted(after_failures(5), POLICY, 1.0)
    assert answered(circuit, POLICY, 1.0, True) == Circuit()


@pytest.fixture
def clock() -> JumpingClock:
    return JumpingClock(0.0)


def test_two_participants_are_called_together_or_not_at_all(clock):
    circuits = Circuits(clock, on_return=lambda: None)
    for _ in range(5):
        circuits.report("a", False)
    assert circuits.admit({"a", "b"}) == 1.0
    clock.time = 0.5
    for _ in range(5):
        circuits.report("b", False)
    clock.time = 1.0
    assert circuits.admit({"a", "b"}) == 1.5  # and a's call was not counted as made:
    clock.time = 1.5
    assert circuits.admit({"a", "b"}) == 1.5
    assert circuits.admit({"a"}) == 3.5


def test_only_a_return_after_a_real_absence_wakes_the_sleepers(clock):
    woken: list[float] = []
    circuits = Circuits(clock, on_return=lambda: woken.append(clock.time))
    for probes in (1, 3):
        for _ in range(5):
            circuits.report("a", False)
        for _ in range(probes):
            clock.time = circuits.admit({"a"})
            if clock.time < circuits.admit({"a"}):
                circuits.report("a", False)
        circuits.report("a", True)
    assert len(woken) == 1
