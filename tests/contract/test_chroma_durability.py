"""What the Chroma stub answered is there after a kill -9."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contract.chroma_servers import TOKEN, ChromaServer
from tests.contract.stub_kills import written_while_killed
from tests.contract.stub_process import StubProcess


@pytest.fixture
def process(tmp_path: Path) -> Iterator[StubProcess]:
    found = StubProcess("chroma_stub", tmp_path / "chroma", {"CHROMA_TOKEN": TOKEN})
    yield found
    found.stop()


def test_every_acknowledged_record_survives_kill_9(process: StubProcess) -> None:
    process.start()
    server = ChromaServer(process.url)
    records = server.new_collection("documents")

    def write(number: int) -> bool:
        body = {"ids": [f"d{number}"], "embeddings": [[1.0, 2.0]], "documents": [f"text of d{number}"]}
        return server.call("POST", f"{records}/add", body).status_code == 201

    def check(acknowledged: set[int]) -> None:
        found = server.call("POST", f"{records}/get", {}).json()
        assert {f"d{number}" for number in acknowledged} <= set(found["ids"])
        assert found["documents"] == [f"text of {record}" for record in found["ids"]]

    written_while_killed(process, write, check)
    server.close()
