"""A worker that is told to stop (SIGTERM) finishes its sagas in its grace, or hands them over; over real processes."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable

import pytest

from chaos.experiments.client import BackendClient, documents
from chaos.experiments.proxy import FaultProxy
from chaos.running_system import RunningSystem
from testbed import processes, records, supervisor
from tests.system.support import another_worker, until
from tests.system.test_worker_kill import SNAPSHOT, step_state

LIMIT = 60.0
GRACE, LEASE = 8.0, 5.0  # seconds; the worker's own
LINK = "backend_git"


@pytest.fixture
def client(system: RunningSystem) -> BackendClient:
    return BackendClient(system)


@pytest.fixture
def waiting(system: RunningSystem, client: BackendClient):
    """Starts a generation whose snapshot takes so many seconds; returns it once that is under way, and how to heal."""
    proxy = FaultProxy(system)
    healers: list[Callable[[], None]] = []

    def start(project: str, seconds: float) -> tuple[str, Callable[[], None]]:
        client.add_documents(project, documents(project, "only"))
        toxic = proxy.add(LINK, "latency", stream="upstream", latency=int(seconds * 1000))

        def heal() -> None:
            if heal in healers:
                healers.remove(heal)
                proxy.remove(LINK, toxic)

        healers.append(heal)
        saga_id = client.start(project)["saga_id"]
        until(lambda: step_state(client, saga_id, SNAPSHOT) == "running", "the snapshot is under way")
        return saga_id, heal

    yield start
    for heal in list(healers):
        heal()
    if not processes.lives(records.read(system.state)["worker"]):
        supervisor.start(system.state, "worker")


def claims(client: BackendClient, saga_id: str) -> list[dict[str, object]]:
    return [event for event in client.events(saga_id) if event["type"] == "saga.claimed"]


def test_a_saga_that_ends_within_the_grace_is_finished_before_the_worker_goes(system, client, waiting):
    saga_id, _ = waiting("stop-finish", 2.0)
    supervisor.kill(system.state, "worker", signal.SIGTERM)
    assert client.status(saga_id)["state"] == "committed"
    assert len(claims(client, saga_id)) == 1


def test_a_saga_that_does_not_is_handed_over_without_waiting_for_its_lease(system, client, waiting):
    saga_id, heal = waiting("stop-hand-over", 25.0)
    with another_worker(system):
        began = time.time()
        supervisor.kill(system.state, "worker", signal.SIGTERM)
        until(lambda: len(claims(client, saga_id)) == 2, "another worker has it", LIMIT)
        heal()
        taken = claims(client, saga_id)[1]
        assert taken["data"]["lost"] is None  # given, not taken
        assert taken["at"] - began < GRACE + LEASE / 2
        assert client.wait(saga_id, LIMIT)["state"] == "rolled_back"
