"""Load with faults that come and go, ended by the audit."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from chaos.running_system import RunningSystem
from tests.system.support import as_json, call


def load(system: RunningSystem, *arguments: str) -> tuple[int, dict[str, Any]]:
    """Exit status and ending of `testbed load`."""
    done = call(system.state, "load", "--json", *arguments)
    return done.returncode, as_json(done)


def test_a_crowd_without_faults_commits_everything(system: RunningSystem, tmp_path: Path) -> None:
    page, prefix = tmp_path / "load.html", tmp_path / "load"
    asked = ("--users", "6", "--time", "5s", "--html", str(page), "--csv", str(prefix), "--max-failure-rate", "0.05")
    status, ending = load(system, *asked)
    assert (status, ending["audit"]["verdict"]) == (0, "valid"), ending
    assert ending["figures"]["generations"] > 0
    assert ending["figures"]["failure_rate"] == 0
    assert ending["audit"]["looked_at"]["answers to clients"] >= ending["figures"]["generations"]
    assert "SAGA" in page.read_text()
    assert "SAGA,generation" in (tmp_path / "load_stats.csv").read_text()


def test_a_broken_threshold_sets_the_exit_status(system: RunningSystem) -> None:
    status, ending = load(system, "--users", "2", "--time", "2s", "--p99", "0.001")
    assert (status, ending["audit"]["verdict"]) == (1, "valid")
    assert "0.00 s are allowed" in ending["broken_thresholds"][0]


def test_faults_that_come_and_go_leave_nothing_behind(system: RunningSystem) -> None:
    status, ending = load(system, "--users", "8", "--time", "8s", "--chaos", "mixed", "--seed", "11")
    evidence = sorted((system.state / "evidence").glob("*-load"))[-1]
    faults = [json.loads(line) for line in (evidence / "faults.jsonl").read_text().splitlines()]
    assert (status, ending["audit"]["verdict"]) == (0, "valid"), ending["audit"]["first_evidence"]
    assert len(faults) >= 2
    assert ending["figures"]["generations"] > 0


@pytest.mark.slow
def test_kills_meanwhile_leave_nothing_behind(system: RunningSystem) -> None:
    status, ending = load(system, "--users", "8", "--time", "30s", "--chaos", "mixed-kills", "--seed", "12")
    assert (status, ending["audit"]["verdict"]) == (0, "valid"), ending["audit"]["first_evidence"]


@pytest.mark.slow
@pytest.mark.parametrize("shape", ["step", "spike", "soak"])
def test_each_shape_runs(system: RunningSystem, shape: str) -> None:
    status, ending = load(system, "--users", "5", "--time", "6s", "--shape", shape)
    assert (status, ending["audit"]["verdict"]) == (0, "valid")
    assert ending["figures"]["generations"] > 0


def test_an_unknown_chaos_is_refused(system: RunningSystem) -> None:
    done = call(system.state, "load", "--chaos", "no-such-thing")
    assert done.returncode == 2
    assert "mixed" in done.stderr
