"""What steps 1 to 3 tell about themselves: counts, and by name the documents that were left out."""

from __future__ import annotations

from typing import Any, Literal

import pytest

from backend.clients.chroma import StoredDocument
from backend.generations import Generations
from backend.saga.events import Event, EventType
from backend.saga.history import History
from backend.saga.narrate import narrate
from backend.saga.ports import NewSaga, SagaRecord
from backend.saga_log.memory import MemorySagaLog
from backend.saga_source import PreparationFailed
from backend.wiki import formats
from backend.wiki.orchestrator import Orchestrator, generate_wiki
from backend.wiki.records import Document
from backend.wiki.source import MAX_NAMED, MAX_REASON, WIKI, WikiSource
from testbed.saga_view import left_out
from tests.unit.saga_worlds import JumpingClock

GOOD = StoredDocument("good.md", "# Good\n\nFine.\n", {"format": "markdown"})
EMPTY = StoredDocument("empty.md", " \n", {"format": "markdown"})


class Stored:
    """Documents as the Chroma client fetches them."""

    def __init__(self, documents: list[StoredDocument]) -> None:
        self.documents = documents

    def fetch(self, project_id: str) -> list[StoredDocument]:
        return self.documents


def a_record(log: MemorySagaLog) -> SagaRecord:
    asked = Event(EventType.REQUESTED, 1000.0, None, {"project": "p", "user": "u"})
    return log.create(NewSaga("wiki-p-1", WIKI, "p", "u", {}), asked)


def prepared(
    documents: list[StoredDocument],
    on_malformed: Literal["skip", "fail"] = "skip",
    orchestrator: Orchestrator = generate_wiki,
) -> dict[str, Any]:
    """What is noted while a saga with ``documents`` is prepared."""
    source = WikiSource(
        lambda user, project: None,  # type: ignore[arg-type, return-value]
        lambda user, project: Stored(documents),  # type: ignore[arg-type, return-value]
        lambda: None,
        orchestrator,
        JumpingClock(),
        lambda: 0.5,
        saga_deadline=60.0,
        call_timeout=10.0,
        on_malformed=on_malformed,
    )
    noted: list[dict[str, Any]] = []

    class Noted(Exception):
        pass

    def note(made: dict[str, Any]) -> None:
        noted.append(made)
        raise Noted  # before any participant is needed

    with pytest.raises(Noted):
        source.prepare(a_record(MemorySagaLog()), note)
    return noted[0]


def test_without_skipped_documents_there_are_only_counts() -> None:
    assert prepared([GOOD]) == {"documents": 1, "pages": 4, "relationships": 0, "skipped": 0}


def test_a_skipped_document_is_named_with_its_reason() -> None:
    made = prepared([GOOD, EMPTY])
    assert (made["documents"], made["pages"], made["skipped"]) == (2, 4, 1)
    assert made["skipped_documents"] == [{"doc_id": "empty.md", "reason": "text is empty"}]


def test_the_log_names_a_bounded_number_of_documents_with_bounded_reasons() -> None:
    odd = [StoredDocument(f"d{n:03}", "x", {"format": "x" * 1000}) for n in range(MAX_NAMED + 5)]
    made = prepared([GOOD, *odd])
    assert made["skipped"] == MAX_NAMED + 5
    assert [one["doc_id"] for one in made["skipped_documents"]] == [one.doc_id for one in odd[:MAX_NAMED]]
    assert {len(one["reason"]) for one in made["skipped_documents"]} == {MAX_REASON}
    assert left_out({"generated": made})[-1] == "and 5 more: the wiki's index.md names all"


def test_with_fail_the_document_is_named_and_nothing_is_prepared() -> None:
    with pytest.raises(PreparationFailed, match=r"a document cannot be used: document 'empty\.md': text is empty"):
        prepared([GOOD, EMPTY], "fail")


def test_an_orchestrator_that_raises_ends_the_generation_and_tells_no_content(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def broken(project_id: str, documents: Any, on_malformed: str = "skip", on_progress: Any = None) -> Any:
        raise RuntimeError(documents[0].text)

    with pytest.raises(PreparationFailed, match=r"^the orchestrator failed: RuntimeError$"):
        prepared([GOOD], orchestrator=broken)
    assert "in broken" in caplog.text
    assert "Fine." not in caplog.text


def test_the_status_and_the_log_lines_name_what_was_skipped() -> None:
    made = prepared([GOOD, EMPTY])
    log = MemorySagaLog()
    record = log.claim(a_record(log).saga_id, "w", 5.0, 1000.0)
    log.append(record.saga_id, record.fence, record.last_seq, [Event(EventType.PREPARED, 1001.0, None, made)])
    status = Generations(log, JumpingClock(), str).status(record)
    assert status["generated"] == made
    assert left_out(status) == ["skipped empty.md: text is empty"]
    lines = narrate(Event(EventType.PREPARED, 1001.0, None, made), History())
    assert [line.text for line in lines] == [
        "Wiki generated: 2 documents, 4 pages, 0 relationships, 1 skipped",
        "Skipped 'empty.md': text is empty",
    ]


def test_what_a_parser_says_about_a_text_stays_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Contents of documents never reach the log, and a parser's complaint may quote them."""

    def parse(text: str) -> Any:
        raise ValueError(f"cannot understand {text}")

    quoting = formats.Format("markdown", (), parse, lambda text: None)
    monkeypatch.setattr(formats, "by_name", lambda name: quoting)
    wiki = generate_wiki("p", [Document("d", "D", "markdown", "a secret", "d")])
    assert [one.reason for one in wiki.skipped] == ["cannot be read as markdown: ValueError"]
