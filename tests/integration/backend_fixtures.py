"""Backends with and without sagas, on a log in memory and on SQLite, and how their answers are read."""

from __future__ import annotations

import time

import pytest

from backend.saga_log import MemorySagaLog, SqlSagaLog
from tests.integration import saga_stories as told
from tests.integration.backend_app import client_of

START = "/api/projects/demo/wiki"


def opened(kind, folder):
    log = MemorySagaLog() if kind == "memory" else SqlSagaLog(f"sqlite:///{folder / 'log.sqlite3'}")
    return client_of(log)


def filled(backend):
    """One saga of each kind, a second apart, the newest last."""
    now = time.time() - 60
    told.committed(backend.log, "done", now, project="p1")
    told.rolled_back(backend.log, "undone", now + 1, project="p2")
    told.parked(backend.log, "stuck", now + 2, project="demo")
    told.running(backend.log, "busy", now + 3, project="p4")
    told.failed_early(backend.log, "early", now + 4, project="p5", user="grace")
    return backend


@pytest.fixture(params=["memory", "sqlite"])
def backend(request, tmp_path):
    """An empty one."""
    made = opened(request.param, tmp_path)
    yield made
    made.log.close()


@pytest.fixture
def fresh(backend):
    """One with sagas, for a test that changes them."""
    return filled(backend)


@pytest.fixture(scope="module", params=["memory", "sqlite"])
def full(request, tmp_path_factory):
    """One with sagas, for all tests that change nothing."""
    made = filled(opened(request.param, tmp_path_factory.mktemp("log")))
    before = written(made)
    yield made
    assert written(made) == before
    made.log.close()


def problem_of(response, status, kind):
    assert (response.status_code, response.content_type) == (status, "application/problem+json")
    assert response.json["type"] == kind
    return response.json


def fields_of(response, status=400):
    return [row["field"] for row in problem_of(response, status, "invalid-request")["errors"]]


def written(backend):
    return backend.log.last_position()
