"""The main job on real input with a real Chroma and a real Neo4j in the place of the stubs: the same comes out."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from chaos.experiments.proxy import FaultProxy
from chaos.running_system import RunningSystem
from tests.contract import chroma_servers, neo4j_servers
from tests.system.real_servers import documentation, ingest_and_generate, real_pair, stored
from tests.system.support import as_json, call, running

MISSING = chroma_servers.why_no_real_server() or neo4j_servers.why_no_real_server()
INPUTS = {"topics": ("--corpus", "python-topics"), "docs": (str(documentation()),)}
pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(600),
    pytest.mark.skipif(MISSING is not None, reason=MISSING or ""),
]


@pytest.fixture(scope="module")
def real_system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningSystem]:
    """A system on a real Chroma and a real Neo4j."""
    folder = tmp_path_factory.mktemp("real")
    with real_pair(folder / "servers") as env, running(folder / "state", env=env) as found:
        assert found.is_external("chroma_stub") and found.is_external("neo4j_stub")
        yield found


@pytest.mark.parametrize("project", INPUTS)
def test_the_real_servers_hold_the_same_as_the_stubs(
    real_system: RunningSystem, system: RunningSystem, project: str
) -> None:
    if project == "docs" and documentation() is None:
        pytest.skip("no documentation of a real project is installed in any of the places where we look")
    generated, found = [], []
    for each in (real_system, system):
        saga = ingest_and_generate(each, f"pair-{project}", *INPUTS[project])
        generated.append(saga["generated"])
        found.append(stored(each, f"pair-{project}"))
    assert found[0] == found[1]
    assert generated[0] == generated[1]
    assert (found[0].documents, len(found[0].files)) == (generated[0]["documents"], generated[0]["pages"])
    assert sum(found[0].relationships.values()) == generated[0]["relationships"] > 50
    assert found[0].pending == 0
    print(project, generated[0], dict(found[0].relationships))


def test_the_audit_of_the_real_graph_is_valid_and_says_what_it_left_out(real_system: RunningSystem) -> None:
    ingest_and_generate(real_system, "audited", *INPUTS["topics"])
    report = as_json(call(real_system.state, "audit", "--json"))
    assert report["verdict"] == "valid", report
    assert report["looked_at"]["relationships"] > 50
    closed = next(row for row in report["invariants"] if row["name"] == "A6")
    assert closed["notes"] == ["chroma is a real server that was given no credentials: whether it is closed is its own"]


def test_a_generation_that_is_rolled_back_leaves_the_real_graph_as_it_was(real_system: RunningSystem) -> None:
    ingest_and_generate(real_system, "undone", *INPUTS["topics"])
    before = stored(real_system, "undone")
    proxy = FaultProxy(real_system)
    snapshot = {"method": "POST", "path": "^/snapshot/"}
    toxic = proxy.add("backend_git", "http_fault", stream="upstream", action="status", status=422, match=snapshot)
    try:
        failed = as_json(call(real_system.state, "generate", "undone", "--wait", "--json"))
    finally:
        proxy.remove("backend_git", toxic)
    assert (failed["state"], failed["failed_step"]) == ("rolled_back", "Create git snapshot")
    assert [step["state"] for step in failed["steps"]] == ["undone"] * 3
    assert stored(real_system, "undone") == before
