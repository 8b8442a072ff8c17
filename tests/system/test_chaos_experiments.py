"""The chaos experiments on a real system: what they claim holds, and a claim that does not hold is found out."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from chaos.experiments.catalogue import experiments
from chaos.experiments.judging import Word
from chaos.experiments.runner import Outcome, run
from chaos.running_system import RunningSystem
from testbed import supervisor
from testbed.readiness import State
from tests.system.support import as_json, call, command, environment, until

EVERYDAY = ("snapshot-answer-lost", "late-save-after-rollback", "neo4j-down", "worker-killed")
RARE = sorted(set(experiments()) - set(EVERYDAY))


@pytest.mark.parametrize("name", [*EVERYDAY, *(pytest.param(name, marks=pytest.mark.slow) for name in RARE)])
def test_the_claim_holds(system: RunningSystem, name: str) -> None:
    done = call(system.state, "chaos", "run", name, "--json")
    (outcome,) = as_json(done)["experiments"]
    assert (outcome["verdict"], done.returncode) == ("valid", 0), outcome
    files = {path.name for path in Path(outcome["evidence"]).iterdir()}
    assert files >= {"journal.json", "told.jsonl", "saga-events.jsonl", "proxy-events.jsonl", "verdict.json", "logs"}
    assert json.loads((Path(outcome["evidence"]) / "verdict.json").read_text())["verdict"] == "valid"


def changed(system: RunningSystem, folder: Path, name: str, old: str, new: str) -> Outcome:
    """Run the experiment with one passage of its file changed."""
    text = experiments()[name].path.read_text()
    assert old in text
    path = folder / f"{name}.yaml"
    path.write_text(text.replace(old, new))
    return run(replace(experiments()[name], path=path), system.state, knows_requests=True)


def test_a_wrong_claim_is_invalid(system: RunningSystem, tmp_path: Path) -> None:
    outcome = changed(system, tmp_path, "save-refused", "expect: [rolled_back]", "expect: [committed]")
    assert outcome.word is Word.INVALID
    assert "is rolled_back" in outcome.why


def test_a_fault_that_never_fires_is_invalid(system: RunningSystem, tmp_path: Path) -> None:
    outcome = changed(system, tmp_path, "snapshot-repeated", "^/snapshot/", "^/no-such-path/")
    assert outcome.word is Word.INVALID
    assert "never fired" in outcome.why


def test_an_action_that_cannot_be_done_is_invalid(system: RunningSystem, tmp_path: Path) -> None:
    outcome = changed(system, tmp_path, "snapshot-repeated", "link: backend_git", "link: no_such_link")
    assert outcome.word is Word.INVALID
    assert "no_such_link" in outcome.why


@pytest.mark.slow
def test_ctrl_c_while_the_fault_proxy_stands_still_lets_it_go_on(system: RunningSystem) -> None:
    running = subprocess.Popen(
        command("chaos", "run", "each-process-paused", "--json"),
        env=environment(TESTBED_STATE=str(system.state)),
        stdout=subprocess.PIPE,
        text=True,
    )
    until(lambda: supervisor.states(system)["fault_proxy"] is State.STOPPED, "the fault proxy is halted")
    running.send_signal(signal.SIGINT)
    said, _ = running.communicate(timeout=60)
    (outcome,) = json.loads(said)["experiments"]
    assert (running.returncode, outcome["why"]) == (2, "the experiment was interrupted")
    until(lambda: set(supervisor.states(system).values()) == {State.READY}, "every process is ready")
    files = {path.name for path in Path(outcome["evidence"]).iterdir()}
    assert files >= {"outcome.json", "report.html", "proxy-events.jsonl", "logs"}


def test_without_request_aware_faults_it_is_skipped(system: RunningSystem) -> None:
    outcome = run(experiments()["save-refused"], system.state, knows_requests=False)
    assert (outcome.word, outcome.evidence) == (Word.SKIPPED, None)


def test_an_unknown_experiment_is_answered_with_those_that_there_are(system: RunningSystem) -> None:
    done = call(system.state, "chaos", "run", "no-such-thing")
    assert done.returncode == 2
    assert "snapshot-refused" in done.stderr


def test_the_list_has_every_claim(system: RunningSystem) -> None:
    listed = as_json(call(system.state, "chaos", "list", "--json"))
    assert {row["name"]: row["claim"] for row in listed} == {one.name: one.claim for one in experiments().values()}


def test_chaos_toolkits_own_command_runs_it(system: RunningSystem, tmp_path: Path) -> None:
    toolkit = [sys.executable, "-m", "chaostoolkit", "--no-version-check", "--no-log-file", "run"]
    words = [*toolkit, "--journal-path", str(tmp_path / "journal.json"), str(experiments()["snapshot-repeated"].path)]
    env = environment(TESTBED_STATE=str(system.state))
    done = subprocess.run(words, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=90, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    journal = json.loads((tmp_path / "journal.json").read_text())
    assert (journal["status"], journal["deviated"]) == ("completed", False)
