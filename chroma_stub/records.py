"""The records of a collection: add, upsert, update, get, query, count, delete. No HTTP.

Filters and distances are evaluated here, record by record: right for the thousands of documents of a testbed.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from heapq import nsmallest
from typing import Any

from chroma_stub import vectors
from chroma_stub.database import Database
from chroma_stub.errors import InvalidArgument, NotFound
from chroma_stub.filters import DocumentPredicate, MetadataPredicate
from chroma_stub.store import Collection

DOCUMENT_KEY = "chroma:document"
_IDS_AT_ONCE = 500  # SQLite's variables in one statement have a limit


@dataclass(frozen=True)
class NewRecord:
    """A record as a request brings it; None means "not said"."""

    id: str
    embedding: bytes | None
    document: str | None = None
    metadata: Mapping[str, Any] | None = None
    uri: str | None = None


@dataclass(frozen=True)
class Record:
    """A record as it is stored."""

    id: str
    embedding: bytes
    document: str | None
    metadata: dict[str, Any] | None
    uri: str | None

    @classmethod
    def from_row(cls, row: sqlite3.Row) -> Record:
        """The record in a row of ``records``."""
        metadata = json.loads(row["metadata"]) if row["metadata"] else None
        return cls(row["id"], row["embedding"], row["document"], metadata, row["uri"])


@dataclass(frozen=True)
class Selection:
    """Which records are meant; what is None does not limit."""

    ids: Sequence[str] | None = None
    where: MetadataPredicate | None = None
    where_document: DocumentPredicate | None = None

    def takes(self, record: Record) -> bool:
        """Whether the filters take ``record`` (the ids are not asked)."""
        return (self.where is None or self.where(record.metadata or {})) and (
            self.where_document is None or self.where_document(record.document)
        )

    @property
    def filters(self) -> bool:
        """Whether records must be looked at one by one."""
        return self.where is not None or self.where_document is not None


class Records:
    """The records of all collections."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, collection: Collection, records: Sequence[NewRecord]) -> None:
        """Add records; those whose id is there already are left as they are."""
        with self._database.writing() as sql:
            _fit_dimension(sql, collection, records)
            for record in records:
                if not _find(sql, collection, record.id):
                    _insert(sql, collection, record)

    def upsert(self, collection: Collection, records: Sequence[NewRecord]) -> None:
        """Add records, or merge them into those that are there: embedding replaced, metadata merged, place kept."""
        with self._database.writing() as sql:
            _fit_dimension(sql, collection, records)
            for record in records:
                if old := _find(sql, collection, record.id):
                    _replace(sql, collection, _merged(old, record))
                else:
                    _insert(sql, collection, record)

    def update(self, collection: Collection, records: Sequence[NewRecord]) -> None:
        """Merge into records that are there; others are passed over. A metadata value of None deletes its key."""
        with self._database.writing() as sql:
            _fit_dimension(sql, collection, records)
            for record in records:
                if old := _find(sql, collection, record.id):
                    _replace(sql, collection, _merged(old, record))

    def get(self, collection: Collection, selection: Selection, limit: int | None, offset: int) -> list[Record]:
        """The selected records in the order of their insertion."""
        sql = self._database.connection()
        if selection.ids is None and not selection.filters:
            page = [collection.id, -1 if limit is None else limit, offset]
            rows = sql.execute("SELECT * FROM records WHERE collection_id = ? ORDER BY seq LIMIT ? OFFSET ?", page)
            return [Record.from_row(row) for row in rows]
        found = list(_select(sql, collection, selection))
        return found[offset:] if limit is None else found[offset : offset + limit]

    def query(
        self, collection: Collection, embeddings: Sequence[bytes], selection: Selection, n_results: int
    ) -> list[list[tuple[float, Record]]]:
        """For each embedding the nearest ``n_results`` (distance, record), nearest first."""
        sql = self._database.connection()
        distance = vectors.DISTANCES[collection.space]
        candidates = [(vectors.decode(record.embedding), record) for record in _select(sql, collection, selection)]
        if collection.dimension is not None:
            _check_lengths(collection.dimension, embeddings)
        answers = []
        for embedding in map(vectors.decode, embeddings):
            measured = ((distance(embedding, vector), record) for vector, record in candidates)
            answers.append(nsmallest(n_results, measured, key=lambda pair: pair[0]))
        return answers

    def count(self, collection: Collection) -> int:
        """How many records there are."""
        row = (
            self._database.connection()
            .execute("SELECT count(*) FROM records WHERE collection_id = ?", [collection.id])
            .fetchone()
        )
        return int(row[0])

    def delete(self, collection: Collection, selection: Selection, limit: int | None) -> int:
        """Delete the selected records; how many they were."""
        with self._database.writing() as sql:
            found = [record.id for record in _select(sql, collection, selection)][:limit]
            sql.executemany(
                "DELETE FROM records WHERE collection_id = ? AND id = ?", [(collection.id, each) for each in found]
            )
        return len(found)


def _select(sql: sqlite3.Connection, collection: Collection, selection: Selection) -> Iterator[Record]:
    if selection.ids is None:
        rows: Any = sql.execute("SELECT * FROM records WHERE collection_id = ? ORDER BY seq", [collection.id])
    else:
        rows = sorted(_rows_of_ids(sql, collection, list(dict.fromkeys(selection.ids))), key=lambda row: row["seq"])
    return filter(selection.takes, map(Record.from_row, rows))


def _rows_of_ids(sql: sqlite3.Connection, collection: Collection, ids: Sequence[str]) -> Iterator[sqlite3.Row]:
    for start in range(0, len(ids), _IDS_AT_ONCE):
        some = ids[start : start + _IDS_AT_ONCE]
        marks = ",".join("?" * len(some))
        query = f"SELECT * FROM records WHERE collection_id = ? AND id IN ({marks})"  # noqa: S608 - only question marks
        yield from sql.execute(query, [collection.id, *some])


def _find(sql: sqlite3.Connection, collection: Collection, record_id: str) -> Record | None:
    key = [collection.id, record_id]
    row = sql.execute("SELECT * FROM records WHERE collection_id = ? AND id = ?", key).fetchone()
    return Record.from_row(row) if row else None


def _fit_dimension(sql: sqlite3.Connection, collection: Collection, records: Sequence[NewRecord]) -> None:
    """Check every embedding against the collection's dimension, which the first one settles."""
    embeddings = [record.embedding for record in records if record.embedding is not None]
    row = sql.execute("SELECT dimension FROM collections WHERE id = ?", [collection.id]).fetchone()
    if row is None:  # deleted since it was looked up
        raise NotFound(f"Collection [{collection.id}] does not exist.")
    if not embeddings:
        return
    dimension = row["dimension"] or len(embeddings[0]) // vectors.FLOAT_BYTES
    _check_lengths(dimension, embeddings)
    if row["dimension"] is None:
        sql.execute("UPDATE collections SET dimension = ? WHERE id = ?", [dimension, collection.id])


def _check_lengths(dimension: int, embeddings: Sequence[bytes]) -> None:
    for embedding in embeddings:
        if (found := len(embedding) // vectors.FLOAT_BYTES) != dimension:
            raise InvalidArgument(f"Collection expecting embedding with dimension of {dimension}, got {found}")


def _merged(old: Record, new: NewRecord) -> Record:
    metadata = {**(old.metadata or {}), **(new.metadata or {})}
    document = _document_of(new)
    return Record(
        old.id,
        old.embedding if new.embedding is None else new.embedding,
        old.document if document is None else document,
        metadata,
        old.uri if new.uri is None else new.uri,
    )


def _document_of(record: NewRecord) -> str | None:
    return record.document if record.document is not None else (record.metadata or {}).get(DOCUMENT_KEY)


def _insert(sql: sqlite3.Connection, collection: Collection, record: NewRecord) -> None:
    row = [collection.id, record.id, record.embedding, _document_of(record), record.uri, _stored(record.metadata)]
    sql.execute(
        "INSERT INTO records (collection_id, id, embedding, document, uri, metadata) VALUES (?, ?, ?, ?, ?, ?)", row
    )


def _replace(sql: sqlite3.Connection, collection: Collection, record: Record) -> None:
    row = [record.embedding, record.document, record.uri, _stored(record.metadata), collection.id, record.id]
    sql.execute(
        "UPDATE records SET embedding = ?, document = ?, uri = ?, metadata = ? WHERE collection_id = ? AND id = ?", row
    )


def _stored(metadata: Mapping[str, Any] | None) -> str | None:
    """Metadata as JSON; keys without a value, with an empty list, or that mean the document are not kept."""
    kept = {key: value for key, value in (metadata or {}).items() if value not in (None, []) and key != DOCUMENT_KEY}
    return json.dumps(kept) if kept else None
