"""What the Chroma stub answered is there after a kill -9."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import requests

from tests.contract.chroma_servers import TOKEN, ChromaServer
from tests.contract.stub_process import StubProcess

WRITERS = 4
KILLS = 3
WRITES_BEFORE_A_KILL = 40


@pytest.fixture
def process(tmp_path: Path) -> Iterator[StubProcess]:
    found = StubProcess("chroma_stub", tmp_path / "chroma", {"CHROMA_TOKEN": TOKEN})
    yield found
    found.stop()


def test_every_acknowledged_record_survives_kill_9(process: StubProcess) -> None:
    process.start()
    server = ChromaServer(process.url)
    records = server.new_collection("documents")
    acknowledged: set[str] = set()
    numbers = iter(range(1_000_000))
    for _ in range(KILLS):
        enough, killed = threading.Event(), threading.Event()
        goal = len(acknowledged) + WRITES_BEFORE_A_KILL

        def write(enough: threading.Event = enough, killed: threading.Event = killed, goal: int = goal) -> None:
            while not killed.is_set():
                record = f"d{next(numbers)}"
                body = {"ids": [record], "embeddings": [[1.0, 2.0]], "documents": [f"text of {record}"]}
                with suppress(requests.RequestException):  # the kill cuts connections, and answers in their middle
                    if server.call("POST", f"{records}/add", body).status_code == 201:
                        acknowledged.add(record)
                if len(acknowledged) >= goal:
                    enough.set()

        threads = [threading.Thread(target=write) for _ in range(WRITERS)]
        for thread in threads:
            thread.start()
        assert enough.wait(30)
        killed.set()
        process.kill()
        process.start()
        for thread in threads:
            thread.join()
        found = server.call("POST", f"{records}/get", {}).json()
        assert acknowledged <= set(found["ids"])
        assert found["documents"] == [f"text of {record}" for record in found["ids"]]
    server.close()
    assert len(acknowledged) >= KILLS * WRITES_BEFORE_A_KILL
