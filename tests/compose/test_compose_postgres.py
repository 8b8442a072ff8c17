"""The profile postgres, for real: two workers and two backends on one saga log."""

from __future__ import annotations

import pytest
import requests

from tests.compose.marks import MARKS
from tests.compose.project import Project, project

pytestmark = MARKS


@pytest.fixture(scope="module")
def running(tmp_path_factory, images):
    with project(tmp_path_factory.mktemp("pg"), "postgres", images, "TOXIPROXY_IMAGE", "POSTGRES_IMAGE") as found:
        found.done("ingest", "--corpus", "python-topics", "--project", "topics")
        yield found


def states(running: Project) -> dict[str, str]:
    return {one["saga_id"]: one["state"] for one in running.json("sagas", "list")["sagas"]}


def test_two_workers_and_two_backends_share_a_postgresql(running: Project):
    services = {one["name"]: one for one in running.json("status")["services"]}
    assert {"backend", "backend-2", "worker", "worker-2", "postgres"} <= services.keys()
    running.done("kill", "worker")
    assert running.json("generate", "topics", "--wait")["state"] == "committed"  # the other worker did it
    running.done("start", "worker")
    token = running.done("token", "--user", "ann").strip()
    headers = {"Authorization": f"Bearer {token}"}
    listed = requests.get(f"{services['backend-2']['url']}/api/sagas", headers=headers, timeout=10).json()["sagas"]
    assert [saga["state"] for saga in listed] == ["committed"]


def test_a_killed_worker_loses_nothing_whichever_of_the_two_it_is(running: Project):
    (outcome,) = running.json("chaos", "run", "worker-killed")["experiments"]
    assert outcome["verdict"] == "valid", outcome["why"]


def test_the_password_is_renewed_as_the_page_says(running: Project):
    before = running.env_file.read_text()
    running.as_documented("ALTER ROLE")
    assert running.env_file.read_text() != before
    running.done("generate", "topics", "--wait")


def test_a_backup_restores_into_an_empty_database(running: Project):
    before = states(running)
    running.as_documented("pg_dump")
    running.as_documented("> backup.tar")
    running.compose("--profile", "*", "down", "--volumes")
    running.as_documented("< backup.tar")
    running.as_documented("pg_restore")
    running.compose("up", "--detach", "--wait")
    assert states(running) == before
    report = running.json("audit")
    assert report["verdict"] == "valid", report["first_evidence"]
    assert report["looked_at"]["files"] > 70
