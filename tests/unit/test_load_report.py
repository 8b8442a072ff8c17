"""A load test on the page of the chaos report, from what it leaves in its folder."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from chaos.experiments.report import page
from loadtests.alerts import look
from loadtests.report import section_of

BEGAN = 1767225600.0
STATISTICS = {"success_rate": 0.5, "rollback_failures": 0, "consecutive_failures": 1, "rollback_timeouts": 0}


def saga(name: str, *states: tuple[str, float, float]) -> dict[str, Any]:
    return {"saga_id": name, "states": [[kind, BEGAN + began, BEGAN + ended] for kind, began, ended in states]}


SAGAS = [
    saga("quick", ("executing", 0, 1), ("committed", 1, 9)),
    saga("back", ("executing", 2, 4), ("rolling back", 4, 7), ("rolled back", 7, 7)),
    saga("stuck", ("executing", 3, 4), ("rolling back", 4, 8), ("parked", 8, 9)),
    saga("open", ("executing", 9, 9)),
]


def ending(**changes: Any) -> dict[str, Any]:
    figures = {
        "began": BEGAN,
        "ended": BEGAN + 10,
        "generations": 1234,
        "generations_a_second": 12.5,
        "failure_rate": 0.25,
        "rollbacks": 7,
        "turned_away": 3,
        "faults": {"kill": 2, "late": 5},
        "chaos": "mixed-kills",
        "users": 30,
        "projects": 100,
        "seed": 4,
    }
    times = {f"{prefix}p{point}": 1.5 for prefix in ("", "rollback_") for point in (50, 95, 99)}
    audit = {"verdict": "invalid", "dead_letters": 1, "orphans": {"files": 2, "refs": 1}}
    audit["first_evidence"] = {"word": "orphan", "evidence": "<script>"}
    found = {"exit_status": 1, "broken_thresholds": ["3 orphans, 0 are allowed"], "alerts": look(STATISTICS)}
    return found | {"figures": figures | times, "audit": audit} | changes


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    fault = {"fault": "late", "where": "backend_git", "began": BEGAN + 2, "ended": BEGAN + 3}
    (tmp_path / "ending.json").write_text(json.dumps(ending()))
    (tmp_path / "faults.jsonl").write_text(json.dumps(fault) + "\n" + json.dumps(fault | {"fault": "kill"}) + "\n")
    (tmp_path / "sagas.jsonl").write_text("".join(json.dumps(one) + "\n" for one in SAGAS))
    return tmp_path


def tiles(text: str) -> dict[str, str]:
    return {name: value for value, name in re.findall(r'<div class="tile"><b>([^<]*)</b><span>([^<]*)</span>', text)}


def test_the_figures_are_those_of_the_run(folder: Path) -> None:
    section = section_of(folder)
    found = tiles(section.body)
    assert (section.name, section.verdict, section.ended - section.began) == ("mixed-kills", "invalid", 10.0)
    assert (found["generations"], found["kills"], found["faults on links"]) == ("1,234", "2", "5")
    assert (found["did not commit"], found["dead letters"], found["orphans"]) == ("25.0%", "1", "3")
    assert section.body.count("<td>1.50 s</td>") == 6


def test_alerts_and_broken_thresholds_show_and_no_markup_comes_through(folder: Path) -> None:
    text = page([section_of(folder)])
    assert '<span class="chip fires">success-rate fires</span>' in text
    assert '<span class="chip quiet">rollback-failures quiet</span>' in text
    assert "3 orphans, 0 are allowed" in text
    assert "<script>" not in text


def test_every_decision_is_in_the_chart_and_every_fault_in_the_timeline(folder: Path) -> None:
    text = section_of(folder).body
    assert sorted(re.findall(r"<title>(1 [a-z ]+)</title>", text)) == ["1 committed", "1 parked", "1 rolled back"]
    assert text.count('class="fault"') == text.count('class="band"') == 2
    assert [name for name in ("quick", "back", "stuck", "open") if f"<title>{name}</title>" not in text] == []


def test_a_run_that_decided_nothing_can_be_drawn(folder: Path) -> None:
    (folder / "sagas.jsonl").write_text("")
    (folder / "faults.jsonl").unlink()
    figures = ending()["figures"] | {"failure_rate": None, "p50": None, "p95": None, "p99": None}
    (folder / "ending.json").write_text(json.dumps(ending(figures=figures)))
    text = section_of(folder).body
    assert "Decisions" not in text
    assert tiles(text)["did not commit"] == "-"


def test_only_the_longest_sagas_are_drawn_one_by_one(folder: Path) -> None:
    many = [saga(f"s{number}", ("executing", 0, number / 10), ("committed", number / 10, 9)) for number in range(80)]
    (folder / "sagas.jsonl").write_text("".join(json.dumps(one) + "\n" for one in many))
    drawn = re.findall(r"<title>(s\d+)</title>", section_of(folder).body)
    assert drawn == [f"s{number}" for number in range(64, 80)]
