"""What a participant heard, by the trace: an action, or a compensation, in time or late."""

from __future__ import annotations

import pytest

from chaos.explorer.heard import Heard
from chaos.explorer.world import Entry

DO, UNDO = "POST /items/book", "DELETE /items/book"


def wrote(what: str, by: str = "1") -> Entry:
    return Entry(0.0, "write", f"coordinator {by}", "log", f"{what} of Write book")


def called(what: str, outcome: str, kind: str = "call", by: str = "1") -> Entry:
    return Entry(0.0, kind, f"coordinator {by}", "shop", what, outcome, "saga")


def duplicated(what: str) -> Entry:
    return Entry(0.0, "fault", f"coordinator → shop: {what}", "", "", "duplicate")


STARTED, TURNED_BACK = wrote("step.started"), wrote("undo.started")
LOST = [STARTED, called(DO, "no answer"), TURNED_BACK]
TAKEN_OVER = [STARTED, wrote("undo.started", "2"), called(UNDO, "204", by="2")]


@pytest.mark.parametrize(
    ("trace", "overtaken"),
    [
        ([STARTED, called(DO, "201"), TURNED_BACK, called(UNDO, "204")], False),
        ([*LOST, called(UNDO, "204"), called(DO, "201", "late")], True),
        ([*LOST, called(DO, "201", "late"), called(UNDO, "204")], False),
        ([*LOST, called(UNDO, "204"), called(DO, "409", "late")], False),
        ([*LOST, called(UNDO, "404"), called(DO, "201", "late")], False),
        ([*TAKEN_OVER, called(DO, "201")], True),
        ([*LOST, called(UNDO, "no answer"), called(UNDO, "204"), called(UNDO, "204", "late")], False),
    ],
    ids=["in order", "late", "late before", "late and refused", "not undone", "woken up", "a late compensation"],
)
def test_a_compensation_is_overtaken_by_an_action_and_by_nothing_else(trace: list[Entry], overtaken: bool) -> None:
    assert Heard.by("shop", trace).overtaken is overtaken
    assert not Heard.by("bank", trace).overtaken


@pytest.mark.parametrize(
    ("trace", "twice"),
    [
        ([STARTED, called(DO, "201")], False),
        ([STARTED, called(DO, "no answer"), called(DO, "201")], True),
        ([STARTED, duplicated(DO), called(DO, "201")], True),
        ([STARTED, called(DO, "201"), TURNED_BACK, duplicated(UNDO), called(UNDO, "204"), duplicated(UNDO)], False),
    ],
    ids=["once", "repeated", "duplicated", "undone twice"],
)
def test_an_action_comes_in_twice_when_it_is_repeated_or_duplicated(trace: list[Entry], twice: bool) -> None:
    assert Heard.by("shop", trace).done_twice is twice
