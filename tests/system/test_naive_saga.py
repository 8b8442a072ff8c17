"""The testbed shows its teeth: the saga that everybody writes first leaves orphans, and the auditor finds them."""

from __future__ import annotations

import secrets
from collections.abc import Iterator

import pytest

from chaos.auditor.audit import Verdict, audit, wait_until_quiet
from chaos.auditor.verdicts import Word
from chaos.experiments.auditing import target_of
from chaos.experiments.client import BackendClient, documents
from chaos.experiments.proxy import FaultProxy
from chaos.gallery.naive_run import NaiveFault, audit_naive, run_naive, sweep
from chaos.running_system import RunningSystem
from tests.system.support import running


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningSystem]:
    """A system of its own: what the naive saga commits is in no log of the system's, and cannot be taken back."""
    with running(tmp_path_factory.mktemp("naive")) as found:
        yield found


def a_project() -> str:
    return f"naive-{secrets.token_hex(4)}"


def test_without_faults_the_naive_saga_looks_right(system: RunningSystem) -> None:
    project = a_project()
    answer = run_naive(system, None, project)
    report = audit_naive(system, project)
    assert answer["status"] == "success"
    assert report.verdict is Verdict.VALID, report.first_evidence


@pytest.mark.parametrize(("fault", "kind"), [("snapshot-answer-lost", "snapshots"), ("late-save", "files")])
def test_the_naive_saga_reports_a_rollback_and_leaves_an_orphan(
    system: RunningSystem, fault: NaiveFault, kind: str
) -> None:
    project = a_project()
    answer = run_naive(system, fault, project)
    report = audit_naive(system, project)
    sweep(system, answer)
    found = {(finding.word, finding.kind) for result in report.invariants for finding in result.findings}
    assert answer["state"] == "rolled_back"
    assert report.verdict is Verdict.INVALID
    assert report.orphans[kind] == 1
    assert (Word.ORPHAN, kind) in found
    assert audit_naive(system, project).orphans == dict.fromkeys(("files", "snapshots", "relationships"), 0)


FAULTS_OF_THE_RIGHT_SAGA = {
    "snapshot-answer-lost": ("backend_git", {"action": "drop_response"}, "^/snapshot/", "rolled_back"),
    "late-save": ("backend_filesystem", {"action": "hold", "ms": 2000, "nth": 1}, "^/files/", "committed"),
}


@pytest.mark.parametrize("fault", FAULTS_OF_THE_RIGHT_SAGA)
def test_the_right_saga_passes_the_same_faults(system: RunningSystem, fault: str) -> None:
    link, attributes, path, end = FAULTS_OF_THE_RIGHT_SAGA[fault]
    project, client, proxy = a_project(), BackendClient(system), FaultProxy(system)
    client.add_documents(project, documents(project, "first"))
    since = proxy.last_event()
    toxic = proxy.add(link, "http_fault", match={"method": "POST", "path": path}, **attributes)
    try:
        status = client.wait(client.start(project)["saga_id"], 60)
        assert any(event.get("toxic") == toxic for event in proxy.events(since))
    finally:
        proxy.remove(link, toxic)
    assert wait_until_quiet(system.saga_log, 30)
    report = audit(target_of(system, project=project))
    assert status["state"] == end
    assert report.verdict is Verdict.VALID, report.first_evidence
