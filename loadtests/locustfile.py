"""Concurrent generations through faults that come and go, ended by an audit that decides the exit status.

locust -f loadtests/locustfile.py --headless -u 10 -r 5 -t 30s --chaos mixed --state DIR
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from locust import events
from locust.runners import LocalRunner, WorkerRunner

from chaos.experiments.run import ROOT
from chaos.running_system import RunningSystem
from loadtests import ending
from loadtests.alerts import UNKNOWN
from loadtests.faults import NOTHING
from loadtests.options import results_of, state_of
from loadtests.users import (
    GENERATION,
    ROLLBACK,
    SAGA,
    TURNED_AWAY,
    WITHOUT_EFFECTS,
    Canceller,
    Generator,
    Overwriter,
    Reader,
)

__all__ = ["Canceller", "Generator", "Overwriter", "Reader"]
FOREVER = 3600.0  # seconds of faults when no run time is given
_weather: list[subprocess.Popen[bytes]] = []
_broken_off: list[int] = []
_began: list[float] = []


@events.test_start.add_listener  # type: ignore[untyped-decorator]
def begin(environment: Any, **_: Any) -> None:
    """A fresh journal, and the weather; in a distributed run only the master makes any."""
    options, results = environment.parsed_options, results_of(environment)
    environment.host = RunningSystem.load(state_of(environment)).url("backend")
    if isinstance(environment.runner, WorkerRunner):
        return
    for name in (ending.TOLD, ending.ENDING, ending.FAULTS, ending.SAGAS):
        (results / name).unlink(missing_ok=True)
    _broken_off.clear()
    _began[:] = [time.time()]
    if options.chaos != NOTHING:
        _weather.append(_start_weather(environment, results))


def _start_weather(environment: Any, results: Path) -> subprocess.Popen[bytes]:
    options = environment.parsed_options
    command = [sys.executable, "-m", "loadtests.weather", "--state", str(state_of(environment))]
    command += ["--chaos", options.chaos, "--seed", str(options.seed), "--record", str(results / ending.FAULTS)]
    command += ["--seconds", str(options.run_time or FOREVER)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL)


@events.test_stopping.add_listener  # type: ignore[untyped-decorator]
def calm(**_: Any) -> None:
    """The weather ends before the users do, so that their last generations can come to an end."""
    while _weather:
        weather = _weather.pop()
        weather.terminate()
        status = weather.wait()
        if status not in (0, -signal.SIGTERM):  # the order to end may meet it when it has just ended by itself
            _broken_off.append(status)


@events.quitting.add_listener  # type: ignore[untyped-decorator]
def judge(environment: Any, **_: Any) -> None:
    """Write the figures down, audit, and set the exit status."""
    if isinstance(environment.runner, WorkerRunner):
        return
    calm()
    if isinstance(environment.runner, LocalRunner) and environment.runner.user_count:
        print("broken off while users were at work: the faults are healed, nothing is judged", file=sys.stderr)
        environment.process_exit_code = UNKNOWN
        return
    results = results_of(environment)
    (results / ending.FIGURES).write_text(json.dumps(figures(environment), indent=1))
    command = [sys.executable, "-m", "loadtests.ending", "--state", str(state_of(environment))]
    environment.process_exit_code = subprocess.run(
        [*command, "--results", str(results)], cwd=ROOT, check=False
    ).returncode


def figures(environment: Any) -> dict[str, Any]:
    """What Locust counted, and the thresholds that were asked for; times in seconds, moments in Unix seconds."""
    options, stats = environment.parsed_options, environment.stats
    requests = [entry for (_, kind), entry in stats.entries.items() if kind != SAGA]
    generation, rollback = stats.get(GENERATION, SAGA), stats.get(ROLLBACK, SAGA)
    count, uncommitted = generation.num_requests, generation.num_failures
    if options.chaos != NOTHING:  # then they are no failures of Locust's
        uncommitted += rollback.num_requests + stats.get(WITHOUT_EFFECTS, SAGA).num_requests
    return {
        "began": _began[0],
        "ended": time.time(),
        "generations": count,
        "rollbacks": rollback.num_requests,
        "failures": generation.num_failures,
        "failure_rate": uncommitted / count if count else None,
        "generations_a_second": round(generation.total_rps, 2),
        "turned_away": stats.get(TURNED_AWAY, SAGA).num_requests,
        "requests": sum(entry.num_requests for entry in requests),
        "request_failures": sum(entry.num_failures for entry in requests),
        **_percentiles("", generation),
        **_percentiles("rollback_", rollback),
        "seed": options.seed,
        "chaos": options.chaos,
        "faults_broke_off": bool(_broken_off),
        "users": options.num_users,
        "projects": options.projects,
        "thresholds": {name: getattr(options, name) for name in ending.THRESHOLDS},
    }


def _percentiles(prefix: str, entry: Any) -> dict[str, float | None]:
    points = (50, 95, 99)
    if not entry.num_requests:
        return {f"{prefix}p{point}": None for point in points}
    return {f"{prefix}p{point}": entry.get_response_time_percentile(point / 100) / 1000 for point in points}
