"""The public face under what callers do to it: late, interrupted, cut off, gone on with by a program that changed."""

from __future__ import annotations

import time
from typing import Any

import pytest

from backend.distributed_saga import DistributedSaga, WikiGenerationSaga
from backend.saga.errors import DefinitionError
from backend.saga.retry import RetryPolicy
from backend.saga_log import MemorySagaLog

ONCE = RetryPolicy(attempts=1)


class Killed(BaseException):
    """Ends whoever runs the saga, as -9 would."""


class Mute(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no words")


class Trip:
    """Two reservations, and what became of them."""

    def __init__(self) -> None:
        self.log, self.calls = MemorySagaLog(), list[str]()

    def saga(self, second: Any = lambda: None, *, names: tuple[str, str] = ("hotel", "flight"), **more: Any) -> Any:
        saga = DistributedSaga("trip-1", log=self.log, **more)
        for name, then in zip(names, (lambda: None, second), strict=True):
            saga.add_step(name, lambda name=name, then=then: self._do(name, then), self._undo(name), retry=ONCE)
        return saga

    def _do(self, name: str, then: Any) -> None:
        self.calls.append(name)
        then()

    def _undo(self, name: str) -> Any:
        return lambda: self.calls.append(f"undo {name}")


@pytest.fixture
def trip() -> Trip:
    return Trip()


def raising(error: BaseException) -> Any:
    def action() -> None:
        raise error

    return action


def test_after_its_deadline_no_step_begins(trip: Trip):
    answer = trip.saga(deadline=time.time() - 1.0).execute()
    assert (answer["saga_status"]["state"], trip.calls) == ("rolled_back", [])
    assert answer["error"] == "the saga's deadline had passed before the step began"


@pytest.mark.parametrize("deadline", ["soon", float("nan"), float("inf")])
def test_a_deadline_that_is_no_time_is_refused_at_once(trip: Trip, deadline: Any):
    with pytest.raises(ValueError, match="deadline: a Unix time"):
        trip.saga(deadline=deadline)


def test_a_program_that_exits_in_a_step_leaves_nothing(trip: Trip):
    with pytest.raises(SystemExit):
        trip.saga(raising(SystemExit(3))).execute()
    assert trip.calls == ["hotel", "flight", "undo flight", "undo hotel"]
    assert trip.saga().get_status()["state"] == "rolled_back"


def test_an_error_that_says_nothing_is_an_outcome_like_another(trip: Trip):
    answer = trip.saga(raising(Mute())).execute()
    assert answer["saga_status"]["state"] == "rolled_back"
    assert answer["error"] == "Mute: an error that cannot be put in words"


def test_a_saga_does_not_go_on_under_other_names_of_its_steps(trip: Trip):
    """Its effects are known by them: the hotel would stay reserved, and the saga be called rolled back."""
    with pytest.raises(Killed):
        trip.saga(raising(Killed())).execute()
    before = trip.log.events("trip-1")
    with pytest.raises(DefinitionError, match=r"began with the steps \['hotel', 'flight'\]"):
        trip.saga(names=("inn", "flight")).execute()
    assert trip.log.events("trip-1") == before


def test_a_saga_that_was_cut_off_goes_back_when_it_is_executed_again(trip: Trip, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("backend.distributed_saga.LEASE", 0.0)
    with pytest.raises(Killed):
        trip.saga(raising(Killed())).execute()
    assert trip.saga().execute()["saga_status"]["state"] == "rolled_back"
    assert trip.calls == ["hotel", "flight", "undo flight", "undo hotel"]
    assert len(trip.log.find()) == 1


@pytest.mark.parametrize(("saga_id", "says"), [(None, "text is expected, not NoneType"), (5, "int"), ("", "empty")])
def test_an_id_that_is_none_is_refused_by_its_name(saga_id: Any, says: str):
    with pytest.raises(ValueError, match=f"saga_id: .*{says}"):
        DistributedSaga(saga_id)


def test_a_name_with_half_a_character_is_refused_before_anything_is_logged(trip: Trip):
    with pytest.raises(ValueError, match="step name: half a surrogate pair"):
        trip.saga(names=("\ud800", "flight"))


@pytest.mark.parametrize("files", [{"a.md": b"x"}, {1: "x"}, None, ["a.md"]])
def test_files_that_are_not_text_by_name_are_refused_before_anything_is_logged(trip: Trip, files: Any):
    saga = WikiGenerationSaga("p", "u", "http://127.0.0.1:1", "http://127.0.0.1:1", {}, log=trip.log)
    with pytest.raises(ValueError, match="generated_files: a mapping of file names to text"):
        saga.execute_with_consistency(files)
    assert trip.log.find() == []
