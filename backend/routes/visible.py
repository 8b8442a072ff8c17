"""What the current caller may see of the sagas, and the core's refusals as problems."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from backend.identity import visible_project
from backend.saga.errors import NotAllowed, UnknownSaga
from backend.saga.ports import SagaLog, SagaRecord
from service_kit import problems
from service_kit.app import caller

T = TypeVar("T")


def visible_saga(log: SagaLog, saga_id: str) -> SagaRecord:
    """The saga's record. Raises NotFound, Forbidden."""
    record = or_problem(lambda: log.get(saga_id))
    if not visible_project(record.project_id):
        raise problems.Forbidden("the token does not cover the saga's project")
    return record


def only_project() -> str | None:
    """The project that the caller's token is for, None when it is for all."""
    project = caller().project
    return None if caller().covers("") else project


def or_problem(work: Callable[[], T]) -> T:
    """What ``work`` returns. Raises NotFound for an unknown saga, Conflict for what its state does not allow."""
    try:
        return work()
    except UnknownSaga as unknown:
        raise problems.NotFound(str(unknown)) from None
    except NotAllowed as refused:
        raise problems.Conflict(str(refused)) from None
