"""The profile real, for real: Chroma's and Neo4j's own servers in containers."""

from __future__ import annotations

import pytest
import requests

from tests.compose.images import NoImage
from tests.compose.marks import MARKS
from tests.compose.project import Project, project

pytestmark = MARKS


@pytest.fixture(scope="module")
def running(tmp_path_factory, images):
    try:
        images.variables(["CHROMA_IMAGE", "NEO4J_IMAGE"])
    except NoImage as error:
        pytest.skip(str(error))
    names = ("TOXIPROXY_IMAGE", "CHROMA_IMAGE", "NEO4J_IMAGE")
    with project(tmp_path_factory.mktemp("real"), "real", images, *names) as found:
        yield found


def test_a_generation_on_real_servers_is_stored_and_audited(running: Project):
    services = {one["name"]: one for one in running.json("status")["services"]}
    heartbeat = requests.get(f"{services['chroma_stub']['url']}/api/v2/heartbeat", timeout=10)
    assert "nanosecond heartbeat" in heartbeat.json()
    assert requests.get(services["neo4j_stub"]["url"], timeout=10).json()["neo4j_version"].startswith("5.26")
    running.done("ingest", "--corpus", "python-topics", "--project", "topics")
    running.done("generate", "topics", "--wait")
    report = running.json("audit")
    assert report["verdict"] == "valid", report["first_evidence"]
    assert report["looked_at"]["relationships"] > 50


def test_what_a_killed_worker_left_in_the_real_graph_is_undone(running: Project):
    (outcome,) = running.json("chaos", "run", "worker-killed")["experiments"]
    assert outcome["verdict"] == "valid", outcome["why"]


def test_the_password_is_renewed_as_the_page_says(running: Project):
    before = running.env_file.read_text()
    running.as_documented("ALTER CURRENT USER")
    assert running.env_file.read_text() != before
    running.done("generate", "topics", "--wait")
    assert running.json("audit")["verdict"] == "valid"
