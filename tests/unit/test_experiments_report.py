"""The timeline of a run and its page, from evidence as Chaos Toolkit and the saga log leave it."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from chaos.experiments.drawing import Axis
from chaos.experiments.report import page, section_of
from chaos.experiments.timeline import Bar, Row, read_evidence
from testbed.cli import main


def moment(second: int) -> str:
    return f"2026-01-01T00:00:{second:02}+00:00"


START = 1767225600.0


def activity(name: str, function: str, began: int, ended: int) -> dict[str, Any]:
    described = {"name": name, "provider": {"func": function}}
    return {"activity": described, "start": moment(began), "end": moment(ended)}


def event(saga_id: str, kind: str, second: float) -> dict[str, Any]:
    return {"saga_id": saga_id, "type": kind, "at": START + second}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    run = [
        activity("slow it", "toxic", 1, 1),
        activity("generate", "generate", 1, 5),
        activity("kill it", "kill", 2, 3),
        activity("start it", "start", 4, 5),
        activity("flap", "flap", 5, 7),
        activity("heal", "heal", 8, 8),
    ]
    journal = {"start": moment(0), "end": moment(9), "run": run}
    events = [
        event("s1", "saga.requested", 1),
        event("s1", "saga.rollback_began", 3),
        event("s1", "saga.rolled_back", 4),
        event("s2", "saga.requested", 5),
        event("s2", "saga.committed", 6),
        event("s2", "saga.finished", 7),
    ]
    outcome = {"name": "x", "claim": "1 < 2 & holds", "verdict": "invalid", "why": "<script>"}
    (tmp_path / "journal.json").write_text(json.dumps(journal))
    (tmp_path / "outcome.json").write_text(json.dumps(outcome))
    (tmp_path / "saga-events.jsonl").write_text("".join(json.dumps(line) + "\n" for line in events))
    return tmp_path


def test_a_fault_lasts_until_what_ends_it(folder: Path) -> None:
    assert read_evidence(folder).faults == (
        Row("slow it", (Bar("fault", START + 1, START + 8),)),
        Row("kill it", (Bar("fault", START + 2, START + 4),)),
        Row("flap", (Bar("fault", START + 5, START + 7),)),
    )


def test_a_saga_has_one_bar_for_each_of_its_states(folder: Path) -> None:
    assert read_evidence(folder).sagas == (
        Row(
            "s1",
            (
                Bar("executing", START + 1, START + 3),
                Bar("rolling back", START + 3, START + 4),
                Bar("rolled back", START + 4, START + 4),
            ),
        ),
        Row("s2", (Bar("executing", START + 5, START + 6), Bar("committed", START + 6, START + 7))),
    )


def test_the_page_shows_every_bar_and_lets_no_markup_through(folder: Path) -> None:
    text = page([section_of(read_evidence(folder))])
    assert text.count("<rect") == 3 + 5 + text.count('class="band"')
    assert text.count('class="band"') == 3, "each fault shades what happens meanwhile"
    assert "1 &lt; 2 &amp; holds" in text
    assert "<script>" not in text


def test_what_is_not_good_is_opened_and_what_is_good_is_not(folder: Path) -> None:
    invalid = section_of(read_evidence(folder))
    valid = replace(invalid, verdict="valid", name="y")
    assert page([invalid, valid, valid]).count("<details open>") == 1
    assert page([valid, valid, replace(valid, verdict="unknown")]).count("<details open>") == 1
    assert "<details open>" in page([valid]), "alone"
    assert "2 valid" in page([invalid, valid, valid])


@pytest.mark.parametrize("length", [0.0, 0.02, 0.7, 3.0, 8.0, 59.0, 900.0, 4000.0])
def test_an_axis_has_a_few_ticks_at_round_numbers(length: float) -> None:
    axis = Axis(START, START + length)
    ticks = list(axis.ticks())
    assert ticks[0] == 0
    assert ticks[-1] <= length + 1e-9
    assert len(ticks) <= 9
    assert [axis.x(START + tick) for tick in ticks] == sorted(axis.x(START + tick) for tick in ticks)
    if length > 0.01:
        assert len(ticks) >= 4


def test_evidence_that_is_not_whole_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_evidence(tmp_path)


def test_the_command_draws_what_is_whole_and_names_what_is_not(folder: Path, tmp_path: Path) -> None:
    state = tmp_path / "state"
    shutil.copytree(folder, state / "evidence" / "2-x", ignore=shutil.ignore_patterns("state"))
    for name, what in (("1-x", "outcome.json"), ("3-load", "ending.json")):
        (state / "evidence" / name).mkdir()
        (state / "evidence" / name / what).write_text("{}")
    done = CliRunner().invoke(main, ["chaos", "report", "--state", str(state)])
    assert done.exit_code == 0, done.output
    assert re.findall("left out: ([^:]+):", done.stderr) == ["3-load", "1-x"]
    assert (state / "evidence" / "report.html").read_text().count("<details") == 1


def test_without_any_evidence_there_is_no_page(tmp_path: Path) -> None:
    done = CliRunner().invoke(main, ["chaos", "report", "--state", str(tmp_path)])
    assert (done.exit_code, "testbed chaos run all" in done.stderr) == (1, True)
