"""An orchestrator from another package, and documents that no orchestrator can use, through a whole system."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from backend.wiki.documents import read_corpus
from chaos.running_system import RunningSystem
from tests.system.support import as_json, call, environment, running

TINY = '''"""One page for all documents."""

from backend.wiki.orchestrator import MalformedDocument, Relationship, Wiki


def generate(project_id, documents, on_malformed="skip", on_progress=None):
    if on_malformed == "fail" and (empty := [one for one in documents if not one.text.strip()]):
        raise MalformedDocument(empty[0].doc_id, "nothing in it")
    lines = [f"* {document.doc_id}" for document in sorted(documents)]
    files = {"all.md": "\\n".join([f"# {project_id}", *lines, ""]), "other.md": "# Other\\n"}
    return Wiki(files, (Relationship("all.md", "other.md", "SEE_ALSO", "by hand"),), ())
'''
ENTRY_POINTS = "[saga_testbed.orchestrators]\ntiny = tiny_orchestrator:generate\n"
GOOD = {"doc_id": "good.md", "title": "Good", "format": "markdown", "text": "# Good\n\nFine.\n"}
BAD = [
    {"doc_id": "blank.md", "title": "Blank", "format": "markdown", "text": " \n"},
    {"doc_id": "large.txt", "title": "Large", "format": "text", "text": "é" * (600 * 1024)},
    {"doc_id": "nul.txt", "title": "Nul", "format": "text", "text": "a\0b"},
]
COPIES = 13  # of the 79 topics
REASONS = {
    "blank.md": "text is empty",
    "large.txt": "text has 1228800 bytes, the limit is 1048576",
    "nul.txt": "text contains a NUL character",
}


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An installed package with an orchestrator: a module and its metadata, as pip leaves them."""
    folder = tmp_path_factory.mktemp("site")
    (folder / "tiny_orchestrator.py").write_text(TINY)
    metadata = folder / "tiny_orchestrator-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: tiny-orchestrator\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(ENTRY_POINTS)
    return folder


def with_package(package: Path, **more: str) -> dict[str, str]:
    path = os.pathsep.join(filter(None, [str(package), os.environ.get("PYTHONPATH")]))
    return environment(PYTHONPATH=path, **more)


@pytest.fixture(scope="module")
def strict(package: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningSystem]:
    """A system with the orchestrator of the package, which is to fail for what it cannot use."""
    env = with_package(package, ORCHESTRATOR="tiny", ON_MALFORMED="fail")
    with running(tmp_path_factory.mktemp("strict") / "state", env=env) as found:
        yield found


def add(system: RunningSystem, project: str, *documents: dict[str, str]) -> None:
    answer = requests.post(
        f"{system.url('backend')}/api/projects/{project}/documents",
        json={"documents": documents},
        headers={"Authorization": f"Bearer {system.user_token('ada')}"},
        timeout=30,
    )
    assert answer.status_code == 201, answer.text


def assert_valid(system: RunningSystem, project: str) -> None:
    """The command waits for the saga's end: what is committed may still have files to confirm."""
    report = as_json(call(system.state, "audit", "--project", project, "--json"))
    assert report["verdict"] == "valid", report["invariants"]


def test_an_orchestrator_of_another_package_makes_the_wiki(strict: RunningSystem) -> None:
    add(strict, "tiny", GOOD, GOOD | {"doc_id": "also.md"})
    saga = as_json(call(strict.state, "generate", "tiny", "--wait", "--json"))
    assert saga["state"] == "committed", saga
    assert saga["generated"] == {"documents": 2, "pages": 2, "relationships": 1, "skipped": 0}
    page = strict.data / "filesystem_server" / "tiny" / "all.md"
    assert page.read_text() == "# tiny\n* also.md\n* good.md\n"
    assert_valid(strict, "tiny")


def test_with_fail_one_malformed_document_stops_the_generation_and_is_named(strict: RunningSystem) -> None:
    add(strict, "strict", GOOD, BAD[0])
    done = call(strict.state, "generate", "strict", "--wait")
    assert done.returncode == 1
    assert "a document cannot be used: document 'blank.md': nothing in it" in done.stdout
    assert not (strict.data / "filesystem_server" / "strict").exists()
    assert "'blank.md'" in (strict.state / "logs" / "worker.log").read_text()
    add(strict, "strict", BAD[0] | {"text": "something"})
    assert call(strict.state, "generate", "strict", "--wait").returncode == 0, "mended, it goes through"


def test_with_skip_every_malformed_document_is_named_where_its_author_looks(system: RunningSystem) -> None:
    add(system, "skipping", GOOD, *BAD)
    done = call(system.state, "generate", "skipping", "--wait")
    assert done.returncode == 0, done.stdout
    assert done.stderr.splitlines() == [f"skipped {name}: {reason}" for name, reason in REASONS.items()]
    listed = as_json(call(system.state, "sagas", "list", "--project", "skipping", "--json"))["sagas"]
    shown = as_json(call(system.state, "sagas", "show", listed[0]["saga_id"], "--json"))
    named = [{"doc_id": name, "reason": reason} for name, reason in REASONS.items()]
    assert shown["saga"]["generated"]["skipped_documents"] == named
    [prepared] = [event["data"] for event in shown["events"] if event["type"] == "saga.prepared"]
    assert (prepared["documents"], prepared["skipped"], prepared["skipped_documents"]) == (4, 3, named)
    index = (system.data / "filesystem_server" / "skipping" / "index.md").read_text()
    log = (system.state / "logs" / "worker.log").read_text()
    for name, reason in REASONS.items():
        assert name in index.partition("## Not in this wiki")[2]
        assert f"Skipped '{name}': {reason}" in log


@pytest.mark.slow
def test_a_thousand_documents_become_a_wiki(system: RunningSystem, tmp_path: Path) -> None:
    """The pages make one save and one snapshot: every limit on the way has to let them through."""
    topics = read_corpus("python-topics")
    for copy in range(COPIES):
        folder = tmp_path / f"edition-{copy:02}"
        folder.mkdir()
        for topic in topics:
            (folder / f"{topic.doc_id}.txt").write_text(topic.text)
    assert as_json(call(system.state, "ingest", str(tmp_path), "--project", "many", "--json"))["added"] > 1000
    saga = as_json(call(system.state, "generate", "many", "--wait", "--json"))
    assert (saga["state"], saga.get("files_created")) == ("committed", COPIES * len(topics) + 3), saga
    assert_valid(system, "many")


def test_an_unknown_orchestrator_is_named_with_those_there_are(package: Path, tmp_path: Path) -> None:
    env = with_package(package, ORCHESTRATOR="nobody") | {"TESTBED_STATE": str(tmp_path)}
    done = call(tmp_path, "up", "--detach", "--only", "worker", "--proxy", "none", env=env)
    assert done.returncode == 1
    assert "no orchestrator 'nobody'; there is: builtin, tiny" in done.stderr
