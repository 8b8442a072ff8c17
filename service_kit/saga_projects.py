"""Of a saga that a participant knows: in which projects, and which of them the caller may touch (R14)."""

from __future__ import annotations

from collections.abc import Sequence

from service_kit.app import caller, require_project
from service_kit.problems import Conflict, Forbidden


def covered_projects(saga_id: str, known: Sequence[str]) -> list[str]:
    """Of the projects in which the saga is ``known``, those that the caller's token covers.

    Raises:
        Forbidden: the saga is known, but only elsewhere.
    """
    covered = [project for project in known if caller().covers(project)]
    if known and not covered:
        raise Forbidden(f"the token does not cover the project of saga {saga_id!r}")
    return covered


def one_project(asked: str | None, covered: Sequence[str]) -> str:
    """The project that is asked for, or the only one there is; empty when there is none.

    Raises:
        Forbidden: the token does not cover what is asked for.
        Conflict: there are several, and none is asked for. Whether it must be depends on what is there: hence no 400.
    """
    if asked is not None:
        require_project(asked)
        return asked
    if len(covered) > 1:
        detail = "the saga is known in several projects; say which"
        raise Conflict(detail, extra={"errors": [{"field": "project", "reason": detail}]})
    return covered[0] if covered else ""
