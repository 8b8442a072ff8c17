"""A worker that is killed or paused loses nothing and does no harm (R9), over real processes."""

from __future__ import annotations

import signal
import sqlite3
import time

import pytest

from chaos.auditor.audit import Verdict, audit
from chaos.experiments.auditing import poll, target_of
from chaos.experiments.client import BackendClient, documents
from chaos.experiments.proxy import FaultProxy
from chaos.running_system import RunningSystem
from testbed import supervisor
from tests.system.support import another_worker

SNAPSHOT = "Create git snapshot"
PROJECT = "worker-kill"
SLOW_MS = 3000
LIMIT = 60.0


@pytest.fixture
def client(system: RunningSystem) -> BackendClient:
    return BackendClient(system)


@pytest.fixture
def stuck(system: RunningSystem, client: BackendClient):
    """A generation that overwrites an earlier one and waits for its snapshot, whose request is on its way."""
    proxy = FaultProxy(system)
    client.add_documents(PROJECT, documents(PROJECT, "first"))
    assert client.wait(client.start(PROJECT)["saga_id"], LIMIT)["state"] == "committed"
    client.add_documents(PROJECT, documents(PROJECT, "second"))
    toxic = proxy.add("backend_git", "latency", stream="upstream", latency=SLOW_MS)
    saga_id = client.start(PROJECT)["saga_id"]
    try:
        assert poll(lambda: step_state(client, saga_id, SNAPSHOT) == "running", LIMIT)
        yield saga_id
    finally:
        proxy.remove("backend_git", toxic)


def step_state(client: BackendClient, saga_id: str, step: str) -> str | None:
    rows = client.status(saga_id)["steps"]
    return next((row["state"] for row in rows if row["name"] == step), None)


def lease_is_over(system: RunningSystem, saga_id: str) -> bool:
    with sqlite3.connect(f"file:{system.saga_log}?mode=ro", uri=True) as log:
        (until,) = log.execute("SELECT lease_until FROM sagas WHERE saga_id = ?", (saga_id,)).fetchone()
    return bool(until < time.time())


def nothing_is_left(system: RunningSystem) -> bool:
    return audit(target_of(system, project=PROJECT)).verdict is Verdict.VALID


def test_a_killed_workers_saga_is_rolled_back_by_the_next(system, client, stuck):
    supervisor.kill(system.state, "worker", signal.SIGKILL)
    supervisor.start(system.state, "worker")
    assert client.wait(stuck, LIMIT)["state"] == "rolled_back"
    assert [event["type"] for event in client.events(stuck)].count("saga.claimed") == 2
    assert nothing_is_left(system)


def test_a_worker_that_wakes_up_after_its_saga_was_taken_over_does_no_harm(system, client, stuck):
    supervisor.kill(system.state, "worker", signal.SIGSTOP)
    try:
        with another_worker(system):
            assert poll(lambda: lease_is_over(system, stuck), LIMIT)
            assert client.wait(stuck, LIMIT)["state"] == "rolled_back"
            supervisor.kill(system.state, "worker", signal.SIGCONT)
            log = supervisor.log_of(system.state, "worker")
            assert poll(lambda: f"[{stuck}] saga" in log.read_text() and "taken over" in log.read_text(), LIMIT)
    finally:
        supervisor.kill(system.state, "worker", signal.SIGCONT)
    assert client.status(stuck)["state"] == "rolled_back"
    assert nothing_is_left(system)
