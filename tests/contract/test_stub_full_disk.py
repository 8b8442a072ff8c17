"""A stub whose disk is full: an answer that is no success, nothing of the write anywhere, and on it goes with room."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests

from tests.contract.chroma_servers import TOKEN, ChromaServer
from tests.contract.neo4j_servers import PASSWORD, USER, Neo4jServer
from tests.contract.stub_process import StubProcess

TEXT = "x" * 20_000
MOST = 200  # writes of TEXT until the disk is full
Write = Callable[[int], requests.Response]
Names = Callable[[], set[int]]


@dataclass
class Subject:
    """One stub with what writes and reads numbered records of it."""

    process: StubProcess
    data: Path
    write: Write
    numbers: Names

    def largest_file(self) -> int:
        return max(path.stat().st_size for path in self.data.rglob("*") if path.is_file())


@pytest.fixture
def chroma(tmp_path: Path) -> Iterator[Subject]:
    process = StubProcess("chroma_stub", tmp_path / "chroma", {"CHROMA_TOKEN": TOKEN}).start()
    server = ChromaServer(process.url)
    records = server.new_collection("documents")

    def write(number: int) -> requests.Response:
        body = {"ids": [str(number)], "embeddings": [[1.0, 2.0]], "documents": [TEXT]}
        return server.call("POST", f"{records}/add", body)

    def numbers() -> set[int]:
        return set(map(int, server.call("POST", f"{records}/get", {"include": []}).json()["ids"]))

    yield Subject(process, tmp_path / "chroma", write, numbers)
    server.close()
    process.stop()


@pytest.fixture
def neo4j(tmp_path: Path) -> Iterator[Subject]:
    process = StubProcess("neo4j_stub", tmp_path / "neo4j", {"NEO4J_PASSWORD": PASSWORD}).start()
    server = Neo4jServer(process.url, (USER, PASSWORD))

    def write(number: int) -> requests.Response:
        parameters = {"number": number, "text": TEXT}
        return server.query("CREATE (:Record {number: $number, text: $text})", parameters=parameters)

    def numbers() -> set[int]:
        return {number for [number] in server.rows("MATCH (r:Record) RETURN r.number")}

    yield Subject(process, tmp_path / "neo4j", write, numbers)
    server.close()
    process.stop()


@pytest.fixture(params=["chroma", "neo4j"])
def subject(request: pytest.FixtureRequest) -> Subject:
    found: Subject = request.getfixturevalue(request.param)
    return found


def test_a_full_disk_costs_the_write_and_nothing_else(subject: Subject) -> None:
    assert all(subject.write(number).ok for number in range(5))
    subject.process.let_files_grow_to(subject.largest_file() + len(TEXT))
    written = set(range(5))
    for number in range(5, MOST):
        answer = subject.write(number)
        if answer.status_code >= 400:
            break
        written.add(number)
    assert (answer.status_code, max(written) + 1) == (500, number), "the disk became full, and the answer said so"
    assert str(subject.data) not in answer.text and "xxx" not in answer.text
    assert subject.numbers() == written
    assert subject.write(number).status_code == 500
    subject.process.let_files_grow_to(None)
    assert subject.write(number).ok, "there is room again"
    assert subject.numbers() == written | {number}
    subject.process.kill()
    subject.process.start()
    assert subject.numbers() == written | {number}
    assert subject.write(number + 1).ok
