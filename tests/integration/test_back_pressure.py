"""A queue of generations that is full says so, and when to come back."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from backend.app import create_app
from backend.saga.events import Event, EventType
from backend.saga_log import MemorySagaLog, open_saga_log
from backend.settings import Settings
from tests.integration.backend_app import INTERNAL_KEYS, KEYS, NOWHERE, Backend
from tests.integration.saga_stories import committed

T = EventType
START = "/api/projects/p/wiki"
SERVICES = dict.fromkeys(("filesystem_url", "git_url", "chroma_url", "neo4j_url"), NOWHERE)


def a_backend(log: object, **limits: int) -> Backend:
    settings = Settings(
        internal_token_keys=INTERNAL_KEYS, user_token_keys=KEYS, saga_log_url="memory:", **SERVICES, **limits
    )
    app = create_app(settings, log)
    return Backend(app, app.test_client(), log)


@pytest.fixture
def backend() -> Backend:
    return a_backend(MemorySagaLog(), max_waiting_per_project=3, max_waiting=5)


def test_beyond_the_projects_bound_a_generation_is_refused_and_none_is_entered(backend):
    for _ in range(3):
        assert backend.post(START).status_code == 202
    refused = backend.post(START)
    assert (refused.status_code, refused.json["type"]) == (429, "too-many-requests")
    assert "limit is 3" in refused.json["detail"]
    assert refused.headers["Retry-After"] == "2"
    assert len(backend.log.find(project_id="p")) == 3


def test_beyond_the_bound_of_all_another_project_is_refused_too(backend):
    for project in ("p", "p", "p", "q", "q"):
        assert backend.post(f"/api/projects/{project}/wiki").status_code == 202
    refused = backend.post("/api/projects/r/wiki")
    assert refused.status_code == 429
    assert "in all" in refused.json["detail"]


def test_a_repeated_request_finds_its_saga_although_the_queue_is_full(backend):
    key = {"Idempotency-Key": "k-1"}
    first = backend.post(START, headers=key).json["saga_id"]
    for _ in range(2):
        backend.post(START)
    assert backend.post(START).status_code == 429
    assert backend.post(START, headers=key).json["saga_id"] == first


def test_as_soon_as_one_leaves_the_queue_another_may_enter(backend):
    for _ in range(3):
        backend.post(START)
    oldest = backend.log.find(project_id="p")[-1]
    record = backend.log.claim(oldest.saga_id, "w", 5.0, oldest.created_at)
    backend.log.append(record.saga_id, record.fence, 2, [Event(T.BEGUN, oldest.created_at)])
    assert backend.post(START).status_code == 202


def test_who_is_turned_away_is_told_to_come_back_after_a_generations_time(backend):
    committed(backend.log, "before", 1_700_000_000.0)  # in less than a second
    for _ in range(3):
        backend.post(START)
    assert backend.post(START).headers["Retry-After"] == "1"


@pytest.fixture
def on_disk(tmp_path: Path) -> Iterator[list[Backend]]:
    """Two backends (two processes, as it were) on one log."""
    logs = [open_saga_log(f"sqlite:///{tmp_path}/log.sqlite3") for _ in range(2)]
    yield [a_backend(log, max_waiting_per_project=4) for log in logs]
    for log in logs:
        log.close()


def test_many_requests_at_once_at_two_backends_do_not_overfill_the_queue(on_disk):
    together = threading.Barrier(12)

    def ask(number: int) -> int:
        backend = on_disk[number % 2]
        mine = replace(backend, client=backend.app.test_client())
        together.wait()
        return mine.post(START).status_code

    with ThreadPoolExecutor(12) as pool:
        answers = sorted(pool.map(ask, range(12)))
    assert answers == [202] * 4 + [429] * 8
    assert len(on_disk[0].log.find(project_id="p")) == 4
