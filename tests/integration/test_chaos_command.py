"""`testbed chaos run` where nothing can be begun: one line that says what to do, and exit status 2."""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from chaos.running_system import RunningSystem
from testbed import processes, records
from testbed.cli import main
from testbed.layout import FAULT_PROXY, ProcessSpec


def chaos_run(state: Path, name: str = "reset") -> Result:
    return CliRunner().invoke(main, ["chaos", "run", name, "--state", str(state)])


def system_in(state: Path, proxy_url: str | None) -> None:
    RunningSystem(state, 0, "embedded", proxy_url, {}, {}).save()


@pytest.fixture
def nobody() -> Iterator[str]:
    """A URL at which nobody answers: its port is taken, and nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{taken.getsockname()[1]}"


def test_an_unknown_experiment_is_wrong_usage(tmp_path: Path) -> None:
    done = chaos_run(tmp_path, "nosuch")
    assert done.exit_code == 2
    assert "there is no experiment 'nosuch'; there are " in done.stderr


def test_without_a_system_it_says_how_to_start_one(tmp_path: Path) -> None:
    done = chaos_run(tmp_path)
    assert done.exit_code == 2
    assert done.stderr == f"Error: no system in {tmp_path}: start one with `testbed up --state {tmp_path}`\n"


def test_without_a_fault_proxy_it_says_how_to_get_one(tmp_path: Path) -> None:
    system_in(tmp_path, None)
    done = chaos_run(tmp_path)
    assert done.exit_code == 2
    assert "runs without a fault proxy: start it with --proxy auto" in done.stderr


def test_a_fault_proxy_that_does_not_answer_is_told_in_one_line(tmp_path: Path, nobody: str) -> None:
    system_in(tmp_path, nobody)
    done = chaos_run(tmp_path)
    assert done.exit_code == 2
    advice = f"`testbed status --state {tmp_path}` says how it is"
    assert done.stderr == f"Error: the fault proxy does not answer at {nobody}: {advice}\n"


def test_a_halted_fault_proxy_is_told_at_once_with_what_lets_it_go_on(tmp_path: Path, nobody: str) -> None:
    system_in(tmp_path, nobody)
    (tmp_path / "logs").mkdir()
    command = (sys.executable, "-c", "import time; time.sleep(60)")
    record = processes.spawn(ProcessSpec(FAULT_PROXY, command, {}, (), None), tmp_path, tmp_path / "logs" / "log", {})
    records.write(tmp_path, [record])
    try:
        with processes.halted([record]):
            done = chaos_run(tmp_path)
    finally:
        processes.kill([record])
    assert done.exit_code == 2
    advice = f"`testbed kill fault_proxy --signal CONT --state {tmp_path}` lets it go on"
    assert done.stderr == f"Error: fault_proxy is halted, and {advice}\n"
