"""Schedules are read as they were written; what is no schedule is refused by the name of its field."""

from __future__ import annotations

from typing import Any

import pytest

from chaos.explorer.schedule import Fault, FaultKind, Point, Schedule

LATE = Fault(Point("coordinator → git_server: create snapshot", 2), FaultKind.LATE, -1)
LOST = Fault(Point("coordinator → filesystem_server: save files", 1), FaultKind.RESPONSE_LOST)


def test_a_schedule_is_read_as_it_was_written() -> None:
    schedule = Schedule("wiki", (LOST, LATE), seed=7)
    assert Schedule.from_json(schedule.to_json()) == schedule


def test_the_order_of_faults_is_kept() -> None:
    assert [entry["kind"] for entry in Schedule("wiki", (LATE, LOST)).to_json()["faults"]] == ["late", "response lost"]


def _with(**changes: Any) -> dict[str, Any]:
    return Schedule("wiki", (LOST,)).to_json() | changes


@pytest.mark.parametrize(
    ("data", "field"),
    [
        ([], "format"),
        (_with(format=2), "format"),
        (_with(scenario=""), "scenario"),
        (_with(seed="1"), "seed"),
        (_with(faults={}), "faults"),
        (_with(faults=["x"]), "faults[0]"),
        (_with(faults=[{"kind": "late"}]), "faults[0].at"),
        (_with(faults=[{"at": "x", "nth": 0, "kind": "late"}]), "faults[0].nth"),
        (_with(faults=[{"at": "x", "kind": "earthquake"}]), "faults[0].kind"),
        (_with(faults=[{"at": "x", "kind": ["late"]}]), "faults[0].kind"),
        (_with(faults=[{"at": "x", "kind": "late", "overtaken_by": -2}]), "faults[0].overtaken_by"),
    ],
)
def test_what_is_no_schedule_is_refused_by_its_field(data: Any, field: str) -> None:
    with pytest.raises(ValueError, match=f"^{field.replace('[', '.').replace(']', '.')}"):
        Schedule.from_json(data)
