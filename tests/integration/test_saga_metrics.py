"""`/metrics` of the backend tells the sagas by state and the open circuits, from the log, as docs/metrics.md says."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from backend.saga.events import Event, EventType
from backend.saga.ports import NewSaga, SagaLog
from backend.saga_log import open_saga_log
from backend.saga_metrics import PARTICIPANTS
from backend.wiki.saga import Participants, wiki_saga_to_recover
from tests.integration.backend_app import client_of

PAGE = (Path(__file__).parents[2] / "docs" / "metrics.md").read_text()


@pytest.fixture
def log() -> SagaLog:
    return open_saga_log("memory:")


@pytest.fixture
def client(log: SagaLog) -> FlaskClient:
    return client_of(log).client


def test_the_sagas_are_counted_by_state_and_need_no_token(client, log):
    assert 'sagas{state="pending"} 0.0' in client.get("/metrics").text
    log.create(NewSaga("s1", "wiki", "p", "ann", {}), Event(EventType.REQUESTED, 1.0))
    text = client.get("/metrics").text
    assert 'sagas{state="pending"} 1.0' in text
    assert 'sagas{state="failed"} 0.0' in text


def test_an_open_circuit_shows_until_the_worker_says_otherwise(client, log):
    assert 'circuits_open{participant="git_server"} 0.0' in client.get("/metrics").text
    log.spare("worker-1", ["git_server"], time.time(), time.time() + 60.0)
    text = client.get("/metrics").text
    assert 'circuits_open{participant="git_server"} 1.0' in text
    assert 'circuits_open{participant="neo4j"} 0.0' in text
    log.spare("worker-1", [], time.time(), time.time() + 60.0)
    assert 'circuits_open{participant="git_server"} 0.0' in client.get("/metrics").text


def test_the_participants_whose_circuits_always_show_are_those_of_the_wiki_saga():
    anyone = Participants(*[type("Anyone", (), {"__getattr__": lambda self, name: print})() for _ in range(3)])
    steps = wiki_saga_to_recover("s", "p", anyone).steps
    assert {step.called for step in steps} == set(PARTICIPANTS)


def test_the_page_lists_every_metric_of_the_backend_and_no_other(client):
    client.get("/healthz")
    served = dict(re.findall(r"^# TYPE (\w+) (\w+)$", client.get("/metrics").text, re.M))
    sections = PAGE.partition("## The fault proxy")[0]
    listed = dict(re.findall(r"^\| `(\w+)` \| (\w+) \|", sections, re.M))
    assert listed == {name: kind for name, kind in served.items() if not name.endswith("_created")}


def test_the_page_names_the_labels_that_are_served(client):
    client.get("/healthz")
    text = client.get("/metrics").text
    for name, labels in re.findall(r"^\| `(\w+)` \| \w+ \| ([^|]+) \|", PAGE, re.M):
        shown = re.search(rf"^{name}(?:_bucket|_count)?{{([^}}]*)}}", text, re.M)
        assert shown is not None, name
        assert set(re.findall(r"(\w+)=", shown[1])) - {"le"} == set(re.findall(r"`(\w+)`", labels))


ONE_OF_SEVERAL = """
from tests.integration.backend_app import client_of
client = client_of().client
client.get("/healthz")
print(client.get("/metrics").text)
"""


def test_with_several_processes_requests_are_added_up_and_sagas_are_not(tmp_path):
    env = os.environ | {"PROMETHEUS_MULTIPROC_DIR": str(tmp_path), "PYTHONPATH": str(Path(__file__).parents[2])}
    command = [sys.executable, "-c", ONE_OF_SEVERAL]
    texts = [subprocess.run(command, env=env, capture_output=True, text=True, check=True).stdout for _ in range(2)]
    healthz = r'^http_requests_total{.*route="/healthz".*} (.*)$'
    assert [re.findall(healthz, text, re.M) for text in texts] == [["1.0"], ["2.0"]]
    for name in ("sagas", "circuits_open", "sagas_decided_total", "saga_rollback_seconds_count"):
        assert re.search(rf"^{name}\b", texts[1], re.M), name
