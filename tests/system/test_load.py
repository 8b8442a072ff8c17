"""Load with faults that come and go, ended by the audit."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import psutil
import pytest
import requests

from chaos.running_system import RunningSystem
from tests.system.support import as_json, call, command, environment, until

ROOT = Path(__file__).parents[2]


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def load(system: RunningSystem, *arguments: str) -> tuple[int, dict[str, Any]]:
    """Exit status and ending of `testbed load`."""
    done = call(system.state, "load", "--json", *arguments)
    return done.returncode, as_json(done)


def test_a_crowd_without_faults_commits_everything(system: RunningSystem, tmp_path: Path) -> None:
    page, prefix = tmp_path / "load.html", tmp_path / "load"
    asked = ("--users", "6", "--time", "5s", "--html", str(page), "--csv", str(prefix), "--max-failure-rate", "0.05")
    status, ending = load(system, *asked, "--max-alerts", "0")
    assert (status, ending["audit"]["verdict"]) == (0, "valid"), ending
    assert ending["figures"]["generations"] > 0
    assert ending["figures"]["failure_rate"] == 0
    assert [alert["fires"] for alert in ending["alerts"]] == [False] * 5
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
    sagas = [json.loads(line) for line in (evidence / "sagas.jsonl").read_text().splitlines()]
    assert len({saga["saga_id"] for saga in sagas}) == len(sagas) >= ending["figures"]["generations"]
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


def test_ctrl_c_ends_the_load_heals_its_faults_and_judges_nothing(system: RunningSystem) -> None:
    words = ("load", "--users", "2", "--time", "60s", "--chaos", "latency", "--json", "--state", str(system.state))
    running = subprocess.Popen(
        command(*words), env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    until(lambda: any(toxics(system)), "a fault has come")
    running.send_signal(signal.SIGINT)
    printed, said = running.communicate(timeout=90)
    assert (running.returncode, printed) == (130, "")
    assert "testbed audit" in said
    assert not any(toxics(system))
    here = str(system.state / "evidence")
    assert not [each.pid for each in psutil.process_iter(["cmdline"]) if here in " ".join(each.info["cmdline"] or ())]


def toxics(system: RunningSystem) -> list[Any]:
    """The toxics of every link."""
    return [link["toxics"] for link in requests.get(f"{system.proxy_url}/proxies", timeout=10).json().values()]


def test_an_unknown_chaos_is_refused(system: RunningSystem) -> None:
    done = call(system.state, "load", "--chaos", "no-such-thing")
    assert done.returncode == 2
    assert "mixed" in done.stderr


@pytest.mark.slow
def test_two_locust_workers_share_the_load_and_one_journal(system: RunningSystem, tmp_path: Path) -> None:
    locust = [sys.executable, "-m", "locust", "-f", "loadtests/locustfile.py"]
    port = str(free_port())
    with ExitStack() as stack:
        for _ in range(2):
            words = [*locust, "--worker", "--master-host", "127.0.0.1", "--master-port", port]
            worker = stack.enter_context(subprocess.Popen(words, cwd=ROOT, stderr=subprocess.DEVNULL))
            stack.callback(worker.kill)
        asked = ["--headless", "-u", "6", "-r", "6", "-t", "6s", "--stop-timeout", "60", "--chaos", "mixed"]
        where = ["--state", str(system.state), "--results", str(tmp_path)]
        master = ["--master", "--master-bind-host", "127.0.0.1", "--master-bind-port", port, "--expect-workers", "2"]
        done = subprocess.run(
            [*locust, *master, *asked, *where], cwd=ROOT, capture_output=True, timeout=100, check=False
        )
    ending = json.loads((tmp_path / "ending.json").read_text())
    assert (done.returncode, ending["audit"]["verdict"]) == (0, "valid"), ending["audit"]["first_evidence"]
    assert ending["audit"]["looked_at"]["answers to clients"] >= ending["figures"]["generations"] > 0


@pytest.mark.slow
def test_the_highest_load_that_holds_is_found(system: RunningSystem, tmp_path: Path) -> None:
    asked = ("--find-limit", "--users", "2", "--time", "3s", "--p99", "1.5", "--save", str(tmp_path / "limit.json"))
    done = call(system.state, "load", "--json", *asked)
    found = as_json(done)
    assert json.loads((tmp_path / "limit.json").read_text()) == found
    assert found["broken_by"]["broken_thresholds"]
    assert (done.returncode == 0) == (found["limit"] is not None)
    assert found["limit"] is None or found["limit"]["users"] < found["broken_by"]["users"]
