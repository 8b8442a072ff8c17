"""The profile postgres, for real: two workers and two backends on one saga log."""

from __future__ import annotations

import requests

from tests.compose.marks import MARKS
from tests.compose.project import project

pytestmark = MARKS


def test_two_workers_and_two_backends_share_a_postgresql(tmp_path):
    with project(tmp_path, "postgres", ["TOXIPROXY_IMAGE", "POSTGRES_IMAGE"]) as found:
        found.compose("up", "--detach", "--wait", "--build")
        services = {one["name"]: one for one in found.json("status")["services"]}
        assert {"backend", "backend-2", "worker", "worker-2", "postgres"} <= services.keys()
        found.done("ingest", "--corpus", "python-topics", "--project", "topics")
        found.done("kill", "worker")
        assert found.json("generate", "topics", "--wait")["state"] == "committed"  # the other worker did it
        second = services["backend-2"]["url"]
        token = found.done("token", "--user", "ann").strip()
        headers = {"Authorization": f"Bearer {token}"}
        listed = requests.get(f"{second}/api/sagas", headers=headers, timeout=10).json()["sagas"]
        assert [saga["state"] for saga in listed] == ["committed"]
        found.done("start", "worker")
        assert found.json("audit")["verdict"] == "valid"
