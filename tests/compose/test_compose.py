"""`docker compose up`, for real: a generation, a killed container, the audit, a restart; then nothing is left."""

from __future__ import annotations

import json
import time

import pytest
import requests

from tests.compose.marks import MARKS
from tests.compose.project import Project, project

SOON = 60.0  # seconds


pytestmark = MARKS


@pytest.fixture(scope="module")
def running(tmp_path_factory, images):
    with project(tmp_path_factory.mktemp("default"), "default", images, "TOXIPROXY_IMAGE") as found:
        found.done("ingest", "--corpus", "python-topics", "--project", "topics")
        found.done("generate", "topics", "--wait")
        yield found


def test_everything_is_up_behind_the_real_toxiproxy(running: Project):
    status = running.json("status")
    assert {one["state"] for one in status["services"]} == {"ready"}
    assert len(status["services"]) == 7
    assert len(status["links"]) == 5
    version = requests.get(f"{status['proxy']['url']}/version", timeout=5).json()
    assert version == {"version": "2.12.0"}
    console = next(one["url"] for one in status["services"] if one["name"] == "backend")
    assert "<title>" in requests.get(f"{console}/", timeout=5).text


def test_the_audit_sees_the_disks_of_the_containers(running: Project):
    report = running.json("audit")
    assert report["verdict"] == "valid", report["first_evidence"]
    assert report["looked_at"]["files"] > 70
    assert report["looked_at"]["snapshots"] >= 1


def test_the_audit_finds_what_was_changed_in_a_volume(running: Project):
    page = "/data/topics/index.md"
    change = f"import shutil; shutil.copy2('{page}', '/tmp/page'); open('{page}', 'a').write('nobody wrote this')"
    assert running.execute("filesystem_server", "python", "-c", change).returncode == 0
    try:
        found = running.testbed("audit", "--project", "topics", "--json")
        assert found.returncode == 1, found.stdout
        evidence = json.loads(found.stdout)["first_evidence"]
        assert (evidence["word"], evidence["subject"]) == ("lost update", "index.md")
    finally:
        running.execute("filesystem_server", "python", "-c", f"import shutil; shutil.copy2('/tmp/page', '{page}')")
    assert running.testbed("audit").returncode == 0


def test_an_experiment_kills_a_container_and_nothing_is_left_behind(running: Project):
    (outcome,) = running.json("chaos", "run", "worker-killed")["experiments"]
    assert outcome["verdict"] == "valid", outcome["why"]
    assert {one["state"] for one in running.json("status")["services"]} == {"ready"}


def test_a_container_can_be_halted_and_goes_on(running: Project):
    running.done("kill", "git_server", "--signal", "STOP")
    states = {one["name"]: one["state"] for one in json.loads(running.testbed("status", "--json").stdout)["services"]}
    assert states["git_server"] == "stopped"
    running.done("kill", "git_server", "--signal", "CONT")
    running.done("generate", "topics", "--wait")


def test_a_process_that_dies_by_itself_comes_back(running: Project):
    crash = "import psutil; [one.kill() for one in psutil.Process(1).children()]"
    running.execute("filesystem_server", "python", "-c", crash)
    deadline = time.monotonic() + SOON
    while running.inspect("filesystem_server")["RestartCount"] == 0:
        assert time.monotonic() < deadline
        time.sleep(0.2)
    running.compose("up", "--detach", "--wait", "--no-recreate")
    running.done("generate", "topics", "--wait")


@pytest.mark.parametrize("service", ["backend", "worker", "git_server", "toxiproxy"])
def test_no_container_runs_as_root_or_can_write_beside_its_data(running: Project, service: str):
    host = running.inspect(service)
    assert host["Config"]["User"] == "10001:10001"
    assert host["HostConfig"]["ReadonlyRootfs"] is True
    assert host["HostConfig"]["Memory"] > 0
    if service != "toxiproxy":
        assert running.execute(service, "touch", "/opt/venv/x").returncode != 0
        assert (
            running.execute(service, "sh", "-c", "command -v pip || command -v gcc || command -v make").returncode != 0
        )


def test_callers_cannot_go_around_the_fault_proxy(running: Project):
    reach = "import socket; socket.create_connection(('filesystem_server', 6001), 3)"
    assert running.execute("worker", "python", "-c", reach).returncode != 0
    through = "import socket; socket.create_connection(('toxiproxy', 16001), 3)"
    assert running.execute("worker", "python", "-c", through).returncode == 0


def test_locusts_page_starts_users_who_reach_the_backend(running: Project):
    running.compose("--profile", "load", "up", "--detach", "--wait", "--no-recreate", "locust")
    page = f"http://127.0.0.1:{running.port('locust', 8089)}"
    assert "Locust" in requests.get(f"{page}/", timeout=10).text
    asked = {"user_count": 2, "spawn_rate": 2, "run_time": "5s"}
    assert requests.post(f"{page}/swarm", data=asked, timeout=10).json()["success"] is True
    deadline = time.monotonic() + SOON
    while (found := requests.get(f"{page}/stats/requests", timeout=10).json())["state"] != "stopped":
        assert time.monotonic() < deadline, found
        time.sleep(0.5)
    assert found["errors"] == []
    counts = {row["name"]: row["num_requests"] for row in found["stats"]}
    assert counts["generation"] > 0
    running.compose("--profile", "load", "rm", "--stop", "--force", "locust")


def test_down_and_up_keep_the_data_and_new_keys_are_taken(running: Project):
    before = {one["saga_id"]: one["state"] for one in running.json("sagas", "list")["sagas"]}
    running.compose("down")
    running.done("env", "--rotate")
    running.compose("up", "--detach", "--wait")
    assert {one["saga_id"]: one["state"] for one in running.json("sagas", "list")["sagas"]} == before
    running.done("generate", "topics", "--wait")
    assert running.json("audit")["verdict"] == "valid"


def test_a_backup_restores_into_empty_volumes(running: Project):
    before = {one["saga_id"]: one["state"] for one in running.json("sagas", "list")["sagas"]}
    running.as_documented("> backup.tar")
    running.compose("--profile", "*", "down", "--volumes")
    running.as_documented("< backup.tar")
    running.compose("up", "--detach", "--wait")
    assert {one["saga_id"]: one["state"] for one in running.json("sagas", "list")["sagas"]} == before
    report = running.json("audit")
    assert report["verdict"] == "valid", report["first_evidence"]
    assert report["looked_at"]["files"] > 70
