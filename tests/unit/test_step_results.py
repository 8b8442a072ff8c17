"""What a step returns or raises and no log can keep leaves no saga in the middle: it is an answer like another (R2)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from backend.distributed_saga import DistributedSaga, Refused
from backend.saga.retry import RetryPolicy
from backend.saga.state import StepKind
from backend.saga_log import open_saga_log

ONCE = RetryPolicy(attempts=1)


@pytest.fixture(params=["memory", "sqlite"])
def saga(request: pytest.FixtureRequest, tmp_path: Path) -> DistributedSaga:
    url = "memory:" if request.param == "memory" else f"sqlite:///{tmp_path}/log.sqlite3"
    return DistributedSaga("trip-1", log=open_saga_log(url))


def circle() -> list[Any]:
    found: list[Any] = []
    found.append(found)
    return found


@pytest.mark.parametrize("result", [object(), {1: "one", "two": 2}, "half a pair: \ud800", circle()])
def test_an_action_whose_result_cannot_be_kept_is_undone_with_all_before_it(saga: DistributedSaga, result: Any) -> None:
    undone: list[str] = []
    saga.add_step("hotel", action=lambda: "H-1", compensation=lambda: undone.append("hotel"))
    saga.add_step("flight", action=lambda: result, compensation=lambda: undone.append("flight"), retry=ONCE)
    answer = saga.execute()
    assert (answer["status"], answer["saga_status"]["state"], undone) == ("failed", "rolled_back", ["flight", "hotel"])
    assert "its result cannot be kept in the log" in answer["error"]
    saga.log.close()


def test_what_a_compensation_returns_is_nobodys_business(saga: DistributedSaga) -> None:
    def refuse() -> None:
        raise Refused("no room")

    saga.add_step("hotel", action=lambda: "H-1", compensation=object)
    saga.add_step("flight", action=refuse)
    assert saga.execute()["saga_status"]["state"] == "rolled_back"
    saga.log.close()


def test_so_is_what_a_confirm_or_a_step_after_the_commit_returns(saga: DistributedSaga) -> None:
    saga.add_step("hotel", action=lambda: "H-1", compensation=lambda: None, confirm=object)
    saga.add_step("mail", action=object, kind=StepKind.RETRIABLE)
    assert saga.execute()["results"] == {"hotel": "H-1", "mail": None}
    saga.log.close()


def test_a_complaint_that_cannot_be_kept_as_it_is_is_kept_as_far_as_it_can(saga: DistributedSaga) -> None:
    def refuse() -> None:
        raise Refused("no file \udcff")

    saga.add_step("hotel", action=refuse)
    assert saga.execute()["error"] == "no file ?"
    saga.log.close()
