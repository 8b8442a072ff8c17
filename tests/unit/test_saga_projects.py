"""Which projects of a saga a caller may touch, and which one is meant: the same at every participant (R14)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask import Flask, g

from service_kit.problems import Conflict, Forbidden
from service_kit.saga_projects import covered_projects, one_project
from service_kit.tokens import ANY_PROJECT, Caller


@pytest.fixture(params=[ANY_PROJECT, "p"])
def project(request: pytest.FixtureRequest) -> Iterator[str]:
    """What the caller's token is for, in the middle of a request."""
    with Flask(__name__).test_request_context():
        g.caller = Caller("backend", "ann", request.param)
        yield request.param


def test_a_token_covers_its_own_project_or_all(project: str) -> None:
    assert covered_projects("s1", ["o", "p"]) == (["o", "p"] if project == ANY_PROJECT else ["p"])
    assert covered_projects("s1", []) == []


@pytest.mark.parametrize("project", ["p"], indirect=True)
def test_a_saga_that_is_known_only_elsewhere_is_forbidden(project: str) -> None:
    with pytest.raises(Forbidden):
        covered_projects("s1", ["o"])
    with pytest.raises(Forbidden):
        one_project("o", ["o"])


def test_the_only_project_need_not_be_named(project: str) -> None:
    assert (one_project(None, ["p"]), one_project("p", ["o", "p"]), one_project(None, [])) == ("p", "p", "")


def test_of_several_projects_one_must_be_named(project: str) -> None:
    with pytest.raises(Conflict, match="say which") as refused:
        one_project(None, ["o", "p"])
    assert refused.value.body()["errors"][0]["field"] == "project"
