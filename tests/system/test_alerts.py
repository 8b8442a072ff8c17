"""The alerts over a running system: quiet when it is well, and each fires under the fault that it is there for."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from click.testing import CliRunner

from chaos.experiments.client import BackendClient, documents
from chaos.experiments.proxy import FaultProxy
from chaos.running_system import RunningSystem
from testbed.cli import main
from tests.system.support import call, environment, running

PATIENCE = 60.0  # seconds until a saga must be decided
REFUSED = {"action": "status", "status": 409, "body": '{"type": "conflict"}'}


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningSystem]:
    """One whose calls are given up soon, so that a rollback without answers is stuck soon."""
    with running(tmp_path_factory.mktemp("alerts"), env=environment(CALL_TIMEOUT="1")) as found:
        yield found


@pytest.fixture
def proxy(system: RunningSystem) -> Iterator[FaultProxy]:
    found = FaultProxy(system)
    yield found
    found.heal()


def alerts(system: RunningSystem, since: float) -> tuple[int, Any]:
    """Exit status and JSON of `testbed alerts` for what was asked for since then (Unix seconds).

    In this process, because the window ends when the backend is asked: a program that is slow to start moves it.
    """
    words = ["alerts", "--json", "--state", str(system.state), "--window", str(time.time() - since)]
    done = CliRunner().invoke(main, words, catch_exceptions=False)
    return done.exit_code, json.loads(done.stdout)


def generate(system: RunningSystem, project: str) -> str:
    """The state in which one generation ends."""
    client = BackendClient(system)
    client.add_documents(project, documents(project, "first"))
    return str(client.wait(client.start(project)["saga_id"], PATIENCE)["state"])


def test_a_system_that_is_well_fires_none(system: RunningSystem) -> None:
    began = time.time()
    assert [generate(system, f"well-{number}") for number in range(5)] == ["committed"] * 5
    status, found = alerts(system, began)
    assert (status, found["firing"], found["statistics"]["success_rate"]) == (0, [], 1.0)
    shown = call(system.state, "alerts")
    assert (shown.returncode, shown.stdout.count("quiet")) == (0, 5)


def test_snapshots_that_are_refused_fire(system: RunningSystem, proxy: FaultProxy) -> None:
    began = time.time()
    proxy.add("backend_git", "http_fault", match={"method": "POST", "path": "^/snapshot/"}, **REFUSED)
    assert [generate(system, f"refused-{number}") for number in range(4)] == ["rolled_back"] * 4
    status, found = alerts(system, began)
    assert (status, found["firing"]) == (1, ["success-rate", "consecutive-failures"])


@pytest.mark.slow
def test_a_participant_that_does_not_answer_compensations_fires(system: RunningSystem, proxy: FaultProxy) -> None:
    began = time.time()
    proxy.add("backend_git", "http_fault", match={"method": "POST", "path": "^/snapshot/"}, **REFUSED)
    proxy.add("backend_filesystem", "http_fault", match={"method": "DELETE"}, action="drop_request", then="silence")
    assert generate(system, "stuck") == "failed"
    status, found = alerts(system, began)
    assert status == 1
    assert {"rollback-failures", "rollback-timeouts"} <= set(found["firing"])


def test_where_nothing_was_decided_nobody_knows(system: RunningSystem) -> None:
    status, found = alerts(system, time.time() - 0.001)
    assert (status, found["firing"], found["alerts"][0]["fires"]) == (2, [], None)
