"""The barrier's table of arrivals, row by row (R6, R11), on an in-memory database."""

from __future__ import annotations

import sqlite3

import pytest

from service_kit.barrier import Barrier, Branch, Effect, State
from service_kit.database import transaction
from service_kit.problems import Conflict, Locked, SagaCompensated

SAGA = Branch("saga-1", "p")
OTHER = Branch("saga-2", "p")


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def barrier(clock: Clock) -> Barrier:
    return Barrier(sqlite3.connect(":memory:", isolation_level=None), clock)


def do(barrier: Barrier, branch: Branch, item: str = "a", fingerprint: str = "f1", answer: str = "first") -> str:
    """One whole action: the answer that the caller gets."""
    with transaction(barrier._db):
        first = barrier.act(branch, {item: fingerprint})
        if item in first:
            return first[item]
        barrier.answer(branch, {item: answer})
    return answer


def test_an_action_is_done_once_and_answered_twice_alike(barrier: Barrier) -> None:
    assert do(barrier, SAGA, answer="first") == "first"
    assert do(barrier, SAGA, answer="second") == "first"
    assert barrier.state(SAGA) is State.OPEN
    assert barrier.holder("p", "a") == "saga-1"


def test_the_same_key_with_another_content_conflicts(barrier: Barrier) -> None:
    do(barrier, SAGA)
    with pytest.raises(Conflict, match="another content"):
        do(barrier, SAGA, fingerprint="f2")


def test_an_empty_compensation_succeeds_and_blocks_the_action_for_ever(barrier: Barrier) -> None:
    assert barrier.undo(SAGA, "a") is False
    for _ in range(2):
        with pytest.raises(SagaCompensated):
            do(barrier, SAGA)
    assert barrier.holder("p", "a") is None
    assert barrier.state(SAGA) is State.UNDONE


def test_a_repeated_compensation_takes_nothing_back_twice(barrier: Barrier) -> None:
    do(barrier, SAGA)
    assert barrier.undo(SAGA, "a") is True
    assert barrier.undo(SAGA, "a") is False
    with pytest.raises(SagaCompensated):
        do(barrier, SAGA)


def test_compensating_one_item_leaves_the_others_standing(barrier: Barrier) -> None:
    do(barrier, SAGA, "a")
    do(barrier, SAGA, "b")
    barrier.undo(SAGA, "a")
    assert barrier.state(SAGA) is State.OPEN
    assert barrier.holders("p") == {"b": "saga-1"}


def test_undo_all_blocks_also_items_that_never_came(barrier: Barrier) -> None:
    do(barrier, SAGA, "a")
    do(barrier, SAGA, "b")
    assert barrier.undo_all(SAGA) == ["a", "b"]
    assert barrier.undo_all(SAGA) == []
    for item in ("a", "never-seen"):
        with pytest.raises(SagaCompensated):
            do(barrier, SAGA, item)
    assert barrier.state(SAGA) is State.UNDONE


def test_undo_all_holds_for_its_project_only(barrier: Barrier) -> None:
    barrier.undo_all(SAGA)
    assert do(barrier, Branch("saga-1", "q")) == "first"
    assert barrier.projects("saga-1") == ["p", "q"]


def test_confirm_ends_the_locks_and_keeps_the_answers(barrier: Barrier) -> None:
    do(barrier, SAGA)
    assert barrier.confirm(SAGA) == ["a"]
    assert barrier.confirm(SAGA) == []
    assert barrier.holder("p", "a") is None
    assert do(barrier, SAGA, answer="second") == "first"
    assert [item.effect for item in barrier.items(SAGA)] == [Effect.CONFIRMED]


def test_after_confirm_nothing_new_and_no_way_back(barrier: Barrier) -> None:
    do(barrier, SAGA)
    barrier.confirm(SAGA)
    with pytest.raises(Conflict, match="already confirmed"):
        do(barrier, SAGA, "b")
    with pytest.raises(Conflict, match="cannot be undone"):
        barrier.undo(SAGA, "a")
    with pytest.raises(Conflict, match="cannot be undone"):
        barrier.undo_all(SAGA)
    assert [item.item for item in barrier.items(SAGA)] == ["a"]


def test_confirm_of_an_unknown_saga_has_no_effect(barrier: Barrier) -> None:
    assert barrier.confirm(SAGA) == []
    assert barrier.state(SAGA) is None


@pytest.mark.parametrize("how", ["one", "all"])
def test_a_compensated_saga_cannot_be_confirmed(barrier: Barrier, how: str) -> None:
    do(barrier, SAGA)
    _ = barrier.undo(SAGA, "a") if how == "one" else barrier.undo_all(SAGA)
    with pytest.raises(SagaCompensated):
        barrier.confirm(SAGA)


def test_another_saga_is_refused_by_name_until_the_holder_closes(barrier: Barrier) -> None:
    do(barrier, SAGA)
    with pytest.raises(Locked) as refused:
        do(barrier, OTHER)
    assert refused.value.body()["holder"] == "saga-1"
    barrier.confirm(SAGA)
    assert do(barrier, OTHER) == "first"


def test_a_refused_item_leaves_nothing_of_its_batch(barrier: Barrier) -> None:
    do(barrier, SAGA, "b")
    with pytest.raises(Locked), transaction(barrier._db):
        barrier.act(OTHER, {"a": "f", "b": "f", "c": "f"})
    assert barrier.items(OTHER) == []
    assert barrier.state(OTHER) is None


def test_a_batch_answers_known_items_and_claims_the_new(barrier: Barrier) -> None:
    do(barrier, SAGA, "a", answer="first")
    with transaction(barrier._db):
        assert barrier.act(SAGA, {"a": "f1", "b": "f1"}) == {"a": "first"}
    assert barrier.holders("p") == {"a": "saga-1", "b": "saga-1"}


def test_the_collector_forgets_old_closed_sagas_and_never_an_open_one(barrier: Barrier, clock: Clock) -> None:
    for number, close in enumerate((barrier.confirm, barrier.undo_all, lambda b: barrier.undo(b, "0"), lambda b: None)):
        branch = Branch(f"s{number}", str(number))
        do(barrier, branch, "0")
        close(branch)
    clock.now += 50
    assert barrier.forget(older_than=60) == 0
    clock.now += 50
    assert barrier.forget(older_than=60) == 3
    assert barrier.state(Branch("s3", "3")) is State.OPEN
    assert barrier.state(Branch("s0", "0")) is None


def test_a_late_repeat_keeps_a_closed_saga_remembered(barrier: Barrier, clock: Clock) -> None:
    barrier.undo_all(SAGA)
    clock.now += 100
    barrier.undo_all(SAGA)
    assert barrier.forget(older_than=60) == 0
