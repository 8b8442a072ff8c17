"""The records of a collection, which all these endpoints address by its uuid."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from flask import Response, jsonify
from flask_openapi3.models.tag import Tag
from flask_openapi3.openapi import OpenAPI

from chroma_stub import shapes, vectors
from chroma_stub.errors import InternalError, InvalidArgument, NotImplementedHere
from chroma_stub.filters import document_predicate, metadata_predicate
from chroma_stub.records import NewRecord, Record, Records, Selection
from chroma_stub.routes import COLLECTIONS, CollectionPath, known_collection
from chroma_stub.store import Store

RECORDS = f"{COLLECTIONS}/<collection>"
_TAG = Tag(name="records")
_COLUMNS: dict[str, Callable[[Record], Any]] = {
    "embeddings": lambda record: list(vectors.decode(record.embedding)),
    "documents": lambda record: record.document,
    "uris": lambda record: record.uri,
    "metadatas": lambda record: record.metadata,
}
_DEFAULT_RESULTS = 10


def install(app: OpenAPI, store: Store, records: Records) -> None:
    """Add the routes to ``app``."""
    _install_writing(app, store, records)
    _install_reading(app, store, records)
    _install_missing(app, store)


def _install_writing(app: OpenAPI, store: Store, records: Records) -> None:
    @app.post(f"{RECORDS}/add", tags=[_TAG])
    def add(path: CollectionPath, body: shapes.AddRecords) -> tuple[Response, int]:
        """Add records; an id that is there already keeps what it has."""
        records.add(known_collection(store, path), _new_records(body))
        return jsonify({}), 201

    @app.post(f"{RECORDS}/upsert", tags=[_TAG])
    def upsert(path: CollectionPath, body: shapes.UpsertRecords) -> Response:
        """Add records, or merge them into those that are there."""
        records.upsert(known_collection(store, path), _new_records(body))
        return jsonify({})

    @app.post(f"{RECORDS}/update", tags=[_TAG])
    def update(path: CollectionPath, body: shapes.UpdateRecords) -> Response:
        """Merge into records that are there."""
        records.update(known_collection(store, path), _new_records(body))
        return jsonify({})

    @app.post(f"{RECORDS}/delete", tags=[_TAG])
    def delete(path: CollectionPath, body: shapes.DeleteRecords) -> Response:
        """Delete records by id, by filter, or both."""
        found = known_collection(store, path)
        filtered = body.where is not None or body.where_document is not None
        if body.ids == [] and not filtered:
            raise InvalidArgument("Validation error: ids, where: Either ids or where must be specified")
        if body.limit is not None and not filtered:
            raise InvalidArgument(
                "Validation error: limit, where: limit can only be specified when a where clause is provided"
            )
        if body.ids is None and not filtered:
            return jsonify(deleted=0)
        deleted = records.delete(found, _selection(body), body.limit)
        # Chroma counts the ids that were sent, there or not.
        return jsonify(deleted=deleted if filtered else len(body.ids or []))


def _install_reading(app: OpenAPI, store: Store, records: Records) -> None:
    @app.post(f"{RECORDS}/get", tags=[_TAG])
    def get(path: CollectionPath, body: shapes.GetRecords) -> Response:
        """Records by id, by filter, or all, in the order of their insertion."""
        found = records.get(known_collection(store, path), _selection(body), body.limit, body.offset or 0)
        return jsonify({"ids": [each.id for each in found], **_columns(found, body.include), "include": body.include})

    @app.post(f"{RECORDS}/query", tags=[_TAG])
    def query(path: CollectionPath, body: shapes.QueryRecords) -> Response:
        """The records nearest to each embedding."""
        collection = known_collection(store, path)
        wanted = [vectors.from_wire(vector) for vector in body.query_embeddings]
        limit = _DEFAULT_RESULTS if body.n_results is None else body.n_results
        answers = records.query(collection, wanted, _selection(body), limit)
        columns = [_columns([record for _, record in answer], body.include) for answer in answers]
        found: dict[str, Any] = {"ids": [[record.id for _, record in answer] for answer in answers]}
        for name in _COLUMNS:
            found[name] = [column[name] for column in columns] if name in body.include else None
        distances = [[distance for distance, _ in answer] for answer in answers]
        found["distances"] = distances if "distances" in body.include else None
        return jsonify({**found, "include": body.include})

    @app.get(f"{RECORDS}/count", tags=[_TAG])
    def count(path: CollectionPath) -> Response:
        """How many records there are."""
        return jsonify(records.count(known_collection(store, path)))


def _install_missing(app: OpenAPI, store: Store) -> None:
    """What a local Chroma server does not do either."""

    @app.get(f"{RECORDS}/indexing_status", tags=[_TAG], doc_ui=False)
    def indexing_status(path: CollectionPath) -> Response:
        known_collection(store, path)
        raise InternalError("Method scout_logs is not implemented")

    @app.post(f"{RECORDS}/fork", tags=[_TAG], doc_ui=False)
    def fork(path: CollectionPath, body: shapes.Fork) -> Response:
        known_collection(store, path)
        raise NotImplementedHere("Collection forking is unsupported for local chroma")

    @app.post(f"{RECORDS}/search", tags=[_TAG], doc_ui=False)
    def search(path: CollectionPath) -> Response:
        known_collection(store, path)
        raise NotImplementedHere(
            "Error executing plan: Not implemented: Search operation is not implemented for local executor"
        )


def _new_records(body: shapes.AddRecords | shapes.UpsertRecords | shapes.UpdateRecords) -> list[NewRecord]:
    """The rows of the request's columns; raises InvalidArgument when they are not of one length."""
    count = len(body.ids)
    columns: list[Sequence[Any]] = []
    for column in (body.embeddings, body.documents, body.metadatas, body.uris):
        if column is not None and len(column) != count:
            raise InvalidArgument("Inconsistent number of IDs, embeddings, documents, URIs and metadatas")
        columns.append([None] * count if column is None else column)
    if "" in body.ids:
        raise InvalidArgument("Empty ID, ID must have at least one character")
    return [
        NewRecord(record_id, _embedding(embedding), document, metadata, uri)
        for record_id, embedding, document, metadata, uri in zip(body.ids, *columns, strict=True)
    ]


def _embedding(spelling: str | list[float] | None) -> bytes | None:
    if spelling is None:
        return None
    blob = vectors.from_wire(spelling)
    vectors.check_stored(blob)
    return blob


def _selection(body: shapes.GetRecords | shapes.QueryRecords | shapes.DeleteRecords) -> Selection:
    return Selection(body.ids, metadata_predicate(body.where), document_predicate(body.where_document))


def _columns(records: Sequence[Record], include: Sequence[str]) -> dict[str, list[Any] | None]:
    return {name: [of(record) for record in records] if name in include else None for name, of in _COLUMNS.items()}
