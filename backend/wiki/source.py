"""Where wiki sagas come from: documents in, a definition with all its content out (steps 1 to 3 of a generation)."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable, Sequence
from typing import Any, Literal, TypeVar

import requests

from backend.clients.chroma import ChromaDocuments, ProjectUnknown
from backend.clients.neo4j_statements import Relationship
from backend.saga.definition import SagaDefinition
from backend.saga.errors import CallError
from backend.saga.ports import Clock, SagaRecord
from backend.saga.retry import RetryPolicy
from backend.saga_source import PreparationFailed
from backend.wiki.documents import Document, MalformedDocument
from backend.wiki.orchestrator import Orchestrator, Wiki
from backend.wiki.saga import Participants, wiki_saga, wiki_saga_to_recover

log = logging.getLogger(__name__)

T = TypeVar("T")
WIKI = "wiki"
READING = RetryPolicy(attempts=4, base=0.2, cap=2.0, time_limit=15.0)
"""Reading documents has no effect, so it may simply be repeated."""
MAX_NAMED = 20  # skipped documents that the log names; the wiki's index names all
MAX_REASON = 200  # characters


class WikiSource:
    """Prepares and rebuilds wiki sagas.

    Args:
        participants_of: the clients with tokens for one user and project.
        documents_of: the Chroma client with tokens for one user and project.
        prepare_graph: makes the graph's constraints; may be repeated.
        saga_deadline: seconds from the request to the last forward attempt.
        call_timeout: seconds to wait for a participant's answer.
    """

    saga_type = WIKI

    def __init__(
        self,
        participants_of: Callable[[str, str], Participants],
        documents_of: Callable[[str, str], ChromaDocuments],
        prepare_graph: Callable[[], None],
        orchestrator: Orchestrator,
        clock: Clock,
        draw: Callable[[], float],
        *,
        saga_deadline: float,
        call_timeout: float,
        on_malformed: Literal["skip", "fail"] = "skip",
    ) -> None:
        self.participants_of, self.documents_of, self.orchestrator = participants_of, documents_of, orchestrator
        self.prepare_graph, self._graph_is_ready = prepare_graph, False
        self.clock, self.draw, self.on_malformed = clock, draw, on_malformed
        self.saga_deadline, self.call_timeout = saga_deadline, call_timeout

    def prepare(self, record: SagaRecord, note: Callable[[dict[str, Any]], None]) -> SagaDefinition:
        if not self._graph_is_ready:
            self._repeated("the graph cannot be reached", self.prepare_graph)
            self._graph_is_ready = True
        documents = self._fetch(record)
        wiki = self._generate(record.project_id, documents)
        note(_made(documents, wiki))
        rows = [Relationship(r.source, r.target, r.kind, r.evidence) for r in wiki.relationships]
        participants = self.participants_of(record.user_id, record.project_id)
        return wiki_saga(
            record.saga_id,
            record.project_id,
            participants,
            wiki.files,
            rows,
            created_at=record.created_at,
            timeout=self.call_timeout,
        )

    def recover(self, record: SagaRecord) -> SagaDefinition:
        participants = self.participants_of(record.user_id, record.project_id)
        return wiki_saga_to_recover(record.saga_id, record.project_id, participants, timeout=self.call_timeout)

    def deadline(self, record: SagaRecord) -> float:
        return record.created_at + self.saga_deadline

    def _fetch(self, record: SagaRecord) -> list[Document]:
        client = self.documents_of(record.user_id, record.project_id)
        stored = self._repeated("the documents cannot be read", lambda: client.fetch(record.project_id))
        return [
            Document(
                doc_id=document.doc_id,
                title=str(document.metadata.get("title") or document.doc_id),
                format=str(document.metadata.get("format") or "text"),
                text=document.text,
                source=str(document.metadata.get("source") or ""),
            )
            for document in stored
        ]

    def _generate(self, project_id: str, documents: list[Document]) -> Wiki:
        if not documents:
            raise PreparationFailed(f"project {project_id!r} has no documents: ingest some first")
        try:
            return self.orchestrator(project_id, documents, self.on_malformed)
        except MalformedDocument as malformed:
            raise PreparationFailed(f"a document cannot be used: {malformed}") from malformed
        except Exception as error:
            # An orchestrator may be anybody's code. What it says may repeat a document, so only the place is logged.
            place = "".join(traceback.format_tb(error.__traceback__))
            log.error("the orchestrator raised %s in project %r\n%s", type(error).__name__, project_id, place)
            raise PreparationFailed(f"the orchestrator failed: {type(error).__name__}") from error

    def _repeated(self, complaint: str, work: Callable[[], T]) -> T:
        """Do what has no effect, or an effect that may be repeated, until it succeeds or the policy gives up."""
        first_at, attempt = self.clock.now(), 1
        while True:
            try:
                return work()
            except ProjectUnknown as unknown:
                raise PreparationFailed(f"{unknown}: ingest some first") from None
            except (requests.RequestException, CallError) as error:
                again = READING.next_attempt_at(attempt, now=self.clock.now(), first_at=first_at, draw=self.draw())
                if again is None:
                    raise PreparationFailed(f"{complaint}: {type(error).__name__}") from error
                self.clock.sleep_until(again)
                attempt += 1


def _made(documents: Sequence[Document], wiki: Wiki) -> dict[str, Any]:
    """What steps 1 to 3 made, for the log: counts, and the first documents that had to be left out, with the reason."""
    left_out = [{"doc_id": one.doc_id, "reason": one.reason[:MAX_REASON]} for one in wiki.skipped[:MAX_NAMED]]
    return {
        "documents": len(documents),
        "pages": len(wiki.files),
        "relationships": len(wiki.relationships),
        "skipped": len(wiki.skipped),
        **({"skipped_documents": left_out} if left_out else {}),
    }
