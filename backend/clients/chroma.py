"""A project's documents in Chroma, one collection a project. Works alike on a real Chroma server and on the stub."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import requests

from backend.batches import batched
from backend.clients.embedding import embed
from backend.clients.send import Send
from backend.clients.transport import read_answer
from backend.saga.errors import Refused, Unclear
from service_kit.chroma_names import collection_name

__all__ = ["ChromaDocuments", "ProjectUnknown", "StoredDocument", "collection_name"]

COLLECTIONS = "/api/v2/tenants/default_tenant/databases/default_database/collections"
PAGE = 500  # documents a call
BATCH_CHARACTERS = 4 * 1024 * 1024  # Chroma refuses bodies over 40 MiB; JSON may write a character in six bytes
_LOOKUPS = 3


class ProjectUnknown(Refused):
    """Chroma has no collection for this project."""


class _CollectionGone(Exception):
    """The collection was deleted, or made anew under another uuid, since it was looked up."""


@dataclass(frozen=True, slots=True)
class StoredDocument:
    """A document with its ``title``, ``format`` and ``source`` as metadata; ``doc_id`` is unique in its project."""

    doc_id: str
    text: str
    metadata: Mapping[str, str] = field(default_factory=dict)


class ChromaDocuments:
    """Stores and fetches documents.

    All methods raise Refused or Unclear for answers that are not a success, and let the exceptions of ``send`` through.
    """

    def __init__(self, send: Send) -> None:
        self._send = send

    def add(self, project_id: str, documents: Iterable[StoredDocument]) -> int:
        """Add or replace documents; makes the project's collection when there is none.

        Returns:
            how many documents were sent.

        Raises:
            ValueError: a project name that is empty or too long.
        """
        collection_id = self._make_collection(project_id)
        count = 0
        for batch in batched(documents, PAGE, BATCH_CHARACTERS):
            self._call("POST", f"{COLLECTIONS}/{collection_id}/upsert", _upsert_body(batch))
            count += len(batch)
        return count

    def fetch(self, project_id: str) -> list[StoredDocument]:
        """All documents of the project, in the order in which they were added first.

        Raises:
            ProjectUnknown: no document was ever added.
            ValueError: a project name that is empty or too long.
        """
        for _ in range(_LOOKUPS):
            collection_id = self._look_up(project_id)
            try:
                return list(self._pages(collection_id))
            except _CollectionGone:
                continue  # uuids do not outlive a server that forgets; the name does
        raise Unclear(f"the collection of project {project_id!r} keeps changing")

    def _make_collection(self, project_id: str) -> str:
        body = {"name": collection_name(project_id), "metadata": {"project": project_id}, "get_or_create": True}
        return _uuid(self._call("POST", COLLECTIONS, body))

    def _look_up(self, project_id: str) -> str:
        path = f"{COLLECTIONS}/{quote(collection_name(project_id), safe='')}"
        try:
            return _uuid(self._call("GET", path))
        except _CollectionGone:
            raise ProjectUnknown(f"project {project_id!r} has no documents") from None

    def _pages(self, collection_id: str) -> Iterator[StoredDocument]:
        offset = 0
        while True:
            body = {"include": ["documents", "metadatas"], "limit": PAGE, "offset": offset}
            answer = self._call("POST", f"{COLLECTIONS}/{collection_id}/get", body)
            page = _documents(answer)
            yield from page
            if len(page) < PAGE:
                return
            offset += PAGE

    def _call(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        response = self._send(method, path, json=body)
        if response.status_code == 404 and _error_of(response) == "NotFoundError":
            raise _CollectionGone
        return read_answer(response)


def _upsert_body(documents: list[StoredDocument]) -> dict[str, Any]:
    return {
        "ids": [document.doc_id for document in documents],
        "embeddings": [embed(document.text) for document in documents],
        "documents": [document.text for document in documents],
        "metadatas": [dict(document.metadata) or None for document in documents],
    }


def _documents(answer: Any) -> list[StoredDocument]:
    try:
        rows = zip(answer["ids"], answer["documents"], answer["metadatas"], strict=True)
        return [StoredDocument(doc_id, text or "", metadata or {}) for doc_id, text, metadata in rows]
    except (KeyError, TypeError, ValueError):
        raise Unclear("the answer is not one of Chroma's") from None


def _uuid(answer: Any) -> str:
    try:
        return quote(str(answer["id"]), safe="")
    except (KeyError, TypeError):
        raise Unclear("the answer is not one of Chroma's collections") from None


def _error_of(response: requests.Response) -> str | None:
    try:
        body = response.json()
    except ValueError:
        return None
    return body.get("error") if isinstance(body, dict) else None
