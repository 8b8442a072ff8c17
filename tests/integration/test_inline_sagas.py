"""What operators can do about a saga that runs in its caller's process: no worker will take it up."""

from __future__ import annotations

import pytest

from backend.distributed_saga import DistributedSaga, Refused, Unclear
from backend.saga.retry import RetryPolicy
from backend.saga_log import MemorySagaLog, SqlSagaLog
from tests.integration.backend_app import client_of
from tests.integration.backend_fixtures import problem_of, written

WHY = {"reason": "tidied by hand"}


@pytest.fixture(params=["memory", "sqlite"])
def backend(request, tmp_path):
    log = MemorySagaLog() if request.param == "memory" else SqlSagaLog(f"sqlite:///{tmp_path / 'log.sqlite3'}")
    yield client_of(log)
    log.close()


def refused():
    raise Refused("no room")


def away():
    raise Unclear("nobody there")


def trip(log, flight=refused, undo_hotel=away):
    """A saga that is parked when it is executed, as its process builds it."""
    saga = DistributedSaga("trip-1", project_id="trips", log=log)
    once = RetryPolicy(attempts=1)
    saga.add_step("Reserve hotel", action=lambda: "H-1", compensation=undo_hotel, undo_retry=once)
    saga.add_step("Reserve flight", action=flight, compensation=lambda: None)
    return saga


def types(backend, after=0):
    return [str(entry.event.type) for entry in backend.log.events("trip-1", after)]


@pytest.mark.parametrize("dry_run", [False, True])
def test_retry_is_refused_and_says_who_tries_again(backend, dry_run):
    trip(backend.log).execute()
    before = written(backend)
    problem = problem_of(backend.post("/api/sagas/trip-1/retry", WHY | {"dry_run": dry_run}), 409, "conflict")
    assert "runs in its caller's process" in problem["detail"]
    assert "executing it again there, with the same saga id, tries again" in problem["detail"]
    assert written(backend) == before
    assert backend.get("/api/stats").json["dead_letters"] == 1


def test_its_dead_letter_promises_no_retry(backend):
    trip(backend.log).execute()
    (letter,) = backend.get("/api/dead-letters").json["dead_letters"]
    assert (letter["saga_type"], letter["step"], letter["retry_at"]) == ("inline", "Reserve hotel", None)
    assert backend.get("/api/sagas/trip-1").json["saga_type"] == "inline"


def test_a_skipped_one_stays_a_dead_letter_until_it_is_executed_again(backend):
    trip(backend.log).execute()
    known = backend.log.get("trip-1").last_seq
    dry = backend.post("/api/sagas/trip-1/skip", WHY | {"dry_run": True}).json
    answer = backend.post("/api/sagas/trip-1/skip", WHY).json
    assert dry["takes_effect"] == answer["takes_effect"] == "when the saga's own process goes on or executes it again"
    assert (answer["state"], types(backend, known)) == ("failed", ["undo.skipped"])
    assert len(backend.get("/api/dead-letters").json["dead_letters"]) == 1
    problem_of(backend.post("/api/sagas/trip-1/skip", WHY), 409, "conflict")
    assert trip(backend.log).execute()["saga_status"]["state"] == "rolled_back"
    assert backend.get("/api/dead-letters").json == {"dead_letters": []}


def test_a_cancel_is_seen_by_its_own_process_and_says_so(backend):
    told = {}

    def cancelled_meanwhile():
        told.update(backend.post("/api/sagas/trip-1/cancel", WHY).json)

    answer = trip(backend.log, flight=cancelled_meanwhile, undo_hotel=lambda: None).execute()
    assert told["takes_effect"] == "when the saga's own process goes on or executes it again"
    assert (answer["saga_status"]["state"], answer["error"]) == ("rolled_back", "tidied by hand")
