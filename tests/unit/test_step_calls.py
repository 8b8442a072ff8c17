"""A step's call takes the context or nothing, in whatever form Python has for something that can be called."""

from __future__ import annotations

import functools
from typing import Any

import pytest

from backend.saga.definition import StepContext, call_step

CONTEXT = StepContext("s", "Reserve hotel", attempt=1, timeout=1.0)


class Hotel:
    """Its methods and its objects are calls, too."""

    def with_context(self, context: StepContext) -> Any:
        return context

    def without(self) -> None:
        return None

    @staticmethod
    def static(context: StepContext) -> Any:
        return context

    @classmethod
    def of_the_class(cls, context: StepContext) -> Any:
        return context

    def __call__(self, context: StepContext) -> Any:
        return context


def logged(call: Any) -> Any:
    """A decorator as everybody writes them."""

    @functools.wraps(call)
    def inner(*args: Any, **more: Any) -> Any:
        return call(*args, **more)

    return inner


def positional_only(context: StepContext, /) -> Any:
    return context


def with_another_default(context: StepContext, room: str = "any") -> Any:
    return context


def only_defaults(room: str = "any") -> None:
    assert room == "any"


def anything(*args: Any, **more: Any) -> None:
    assert (args, more) == ((), {})


def keyword_with_default(*, room: str = "any") -> None:
    assert room == "any"


@pytest.mark.parametrize(
    "call",
    [
        lambda context: context,
        positional_only,
        with_another_default,
        Hotel().with_context,
        Hotel.static,
        Hotel.of_the_class,
        Hotel(),
        functools.partial(with_another_default, room="big"),
        functools.partial(lambda room, context: context, "big"),
        logged(lambda context: context),
        logged(Hotel().with_context),
    ],
)
def test_who_asks_for_the_context_gets_it(call: Any) -> None:
    assert call_step(call, CONTEXT) is CONTEXT


@pytest.mark.parametrize(
    "call",
    [
        lambda: None,
        only_defaults,
        anything,
        keyword_with_default,
        Hotel().without,
        functools.partial(lambda context: None, "big"),
        logged(lambda: None),
        logged(only_defaults),
        dict,
    ],
)
def test_who_does_not_is_called_with_nothing(call: Any) -> None:
    assert not call_step(call, CONTEXT)
