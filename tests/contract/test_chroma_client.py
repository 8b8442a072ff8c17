"""The backend's client on the stub and on a real server; one script of the official client on both."""

from __future__ import annotations

import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from backend.clients.chroma import PAGE, ChromaDocuments, ProjectUnknown, StoredDocument, collection_name
from tests.contract.chroma_servers import (
    COLLECTIONS,
    NEEDS_REAL,
    TOKEN,
    ChromaServer,
    client_python,
    real_server,
    stub_server,
)

SERVERS = {"stub": stub_server, "real": real_server}
REAL = pytest.param("real", marks=NEEDS_REAL)
SCRIPT = Path(__file__).with_name("chroma_client_script.py")
PYTHON = client_python()


@pytest.fixture(scope="module", params=["stub", REAL])
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ChromaServer]:
    with SERVERS[request.param](Path(tmp_path_factory.mktemp("chroma"))) as found:
        yield found


@pytest.fixture
def project() -> str:
    return f"org/repo {uuid.uuid4().hex}"


def document(number: int, text: str = "") -> StoredDocument:
    metadata = {"title": f"Title {number}", "format": "markdown", "source": f"docs/{number}.md"}
    return StoredDocument(f"d{number}", text or f"# Title {number}\n\nZażółć {number} 🐍", metadata)


def test_documents_come_back_as_they_were_added(server: ChromaServer, project: str) -> None:
    documents = [document(number) for number in range(PAGE + 7)]
    client = ChromaDocuments(server.send)
    assert client.add(project, iter(documents)) == PAGE + 7
    assert client.fetch(project) == documents


def test_adding_again_replaces(server: ChromaServer, project: str) -> None:
    client = ChromaDocuments(server.send)
    client.add(project, [document(1), document(2)])
    client.add(project, [document(1, "new text")])
    assert client.fetch(project) == [document(1, "new text"), document(2)]


def test_a_project_without_documents_is_unknown(server: ChromaServer, project: str) -> None:
    with pytest.raises(ProjectUnknown):
        ChromaDocuments(server.send).fetch(project)


def test_a_collection_made_anew_between_look_up_and_reading_is_looked_up_again(
    server: ChromaServer, project: str
) -> None:
    client = ChromaDocuments(server.send)
    client.add(project, [document(1)])
    looked_up = []

    def send(method: str, path: str, **more: object) -> object:
        if path.endswith("/get") and not looked_up:
            looked_up.append(path)
            server.call("DELETE", f"{COLLECTIONS}/{collection_name(project)}")
            client.add(project, [document(2)])
        return server.send(method, path, **more)

    assert ChromaDocuments(send).fetch(project) == [document(2)]  # type: ignore[arg-type]
    assert looked_up


@pytest.mark.parametrize("name", ["a", "..", "1.2.3.4", "x--y", "-", "Ünïcödé", "a/b/../c", "tail_", "sp ace?#%"])
def test_any_project_name_works(server: ChromaServer, name: str) -> None:
    client = ChromaDocuments(server.send)
    client.add(name, [document(1)])
    assert client.fetch(name) == [document(1)]


@pytest.mark.slow
@pytest.mark.skipif(PYTHON is None, reason="no official client: run `make test-real`")
def test_the_official_client_gets_the_same_from_both(server: ChromaServer) -> None:
    """Each is held against the answers that a real server gave, so the stub's can be judged without one."""
    assert run_script(server) == SCRIPT.with_suffix(".expected").read_text()


def run_script(server: ChromaServer) -> str:
    done = subprocess.run(
        [PYTHON or "", str(SCRIPT), server.url, TOKEN], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
