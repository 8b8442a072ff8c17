"""Discovery and the Query API v2: implicit and explicit transactions."""

from __future__ import annotations

from typing import Any

from flask import Response, g, request
from flask_openapi3.models.tag import Tag
from flask_openapi3.openapi import OpenAPI
from pydantic import BaseModel

from neo4j_stub import wire
from neo4j_stub.auth import require_project
from neo4j_stub.errors import DatabaseNotFound
from neo4j_stub.store import Answer, GraphStore
from neo4j_stub.transactions import OpenTransaction, Transactions

DATABASE = "neo4j"
VERSION = "5.26.0"
QUERY = "/db/<database>/query/v2"
_TAG = Tag(name="Query API v2")
_BODY = {"requestBody": {"content": {wire.JSON: {"schema": wire.QueryRequest.model_json_schema()}}}}


class DatabasePath(BaseModel):
    """A database by its name; there is one, ``neo4j``."""

    database: str

    def check(self) -> None:
        """Raise DatabaseNotFound unless it is the one."""
        if self.database != DATABASE:
            raise DatabaseNotFound(self.database)


class TransactionPath(DatabasePath):
    """An open transaction."""

    tx_id: str


def install(app: OpenAPI, store: GraphStore, transactions: Transactions) -> None:
    """Add the routes to ``app``."""
    _install_discovery(app)
    _install_implicit(app, store)
    _install_explicit(app, store, transactions)


def _install_discovery(app: OpenAPI) -> None:
    @app.get("/", tags=[_TAG])
    def discovery() -> Response:
        """Where the server's endpoints are; needs no credentials."""
        base = request.host_url.rstrip("/")
        query = f"{base}/db/{{databaseName}}/query/v2"
        return wire.response({"query": query, "neo4j_version": VERSION, "neo4j_edition": "community"}, 200)


def _install_implicit(app: OpenAPI, store: GraphStore) -> None:
    @app.post(QUERY, tags=[_TAG], openapi_extensions=_BODY)
    def query(path: DatabasePath) -> Response:
        """Run one statement as a transaction of its own."""
        path.check()
        media_type, asked = wire.answer_type(request), wire.read_request(request)
        statement = asked.as_statement()
        require_project(g.caller, statement.parameters)
        body = wire.answer_body(store.run(statement), asked, media_type)
        return wire.response(body | wire.bookmark_body(store.version()), media_type=media_type)


def _install_explicit(app: OpenAPI, store: GraphStore, transactions: Transactions) -> None:
    @app.post(QUERY + "/tx", tags=[_TAG], openapi_extensions=_BODY)
    def begin(path: DatabasePath) -> Response:
        """Open a transaction, with or without a first statement."""
        path.check()
        media_type, asked = wire.answer_type(request), wire.read_request(request, may_be_empty=True)
        with transactions.using(transactions.begin(g.caller).id, g.caller) as tx:
            body = _run(tx, asked, media_type)
        return wire.response(body | wire.transaction_body(tx), media_type=media_type)

    @app.post(QUERY + "/tx/<tx_id>", tags=[_TAG], openapi_extensions=_BODY)
    def proceed(path: TransactionPath) -> Response:
        """Run a statement in an open transaction; without one, keep it alive."""
        path.check()
        media_type, asked = wire.answer_type(request), wire.read_request(request, may_be_empty=True)
        with transactions.using(path.tx_id, g.caller) as tx:
            body = _run(tx, asked, media_type)
        return wire.response(body | wire.transaction_body(tx), media_type=media_type)

    @app.post(QUERY + "/tx/<tx_id>/commit", tags=[_TAG], openapi_extensions=_BODY)
    def commit(path: TransactionPath) -> Response:
        """Commit, after a last statement if there is one."""
        path.check()
        media_type, asked = wire.answer_type(request), wire.read_request(request, may_be_empty=True)
        with transactions.using(path.tx_id, g.caller) as tx:
            body = _run(tx, asked, media_type)
            transactions.commit(tx)
        return wire.response(body | wire.bookmark_body(store.version()), media_type=media_type)

    @app.delete(QUERY + "/tx/<tx_id>", tags=[_TAG])
    def rollback(path: TransactionPath) -> Response:
        """Roll back."""
        path.check()
        with transactions.using(path.tx_id, g.caller) as tx:
            transactions.rollback(tx)
        return wire.response({}, 200)


def _run(tx: OpenTransaction, asked: wire.QueryRequest, media_type: str) -> dict[str, Any]:
    if asked.statement is None:
        return {}
    statement = asked.as_statement()
    require_project(g.caller, statement.parameters)
    answer: Answer = tx.graph.run(statement)
    return wire.answer_body(answer, asked, media_type)
