"""Composition root.

``gunicorn 'neo4j_stub.app:create_app()' -c python:service_kit.gunicorn_conf -b 127.0.0.1:7474``
"""

from __future__ import annotations

from flask import Response
from flask_openapi3.openapi import OpenAPI
from pydantic import SecretStr, ValidationError

from neo4j_stub import routes, wire
from neo4j_stub.auth import Gate
from neo4j_stub.errors import Neo4jError, RequestInvalid
from neo4j_stub.store import GraphStore
from neo4j_stub.transactions import IDLE_SECONDS, Transactions
from service_kit.app import ErrorStyle, close_at_exit, create_service, install_gate
from service_kit.logs import configure_logging
from service_kit.problems import Problem
from service_kit.settings import ServiceSettings, load_settings

SERVICE = "neo4j_stub"
_PUBLIC = {"/"}
_TITLES = {404: "Not Found", 405: "Method Not Allowed", 413: "Request Entity Too Large", 415: "Unsupported Media Type"}
_ERROR_SCHEMA = {
    "type": "object",
    "properties": {
        "errors": {
            "type": "array",
            "items": {"type": "object", "properties": {"code": {"type": "string"}, "message": {"type": "string"}}},
        }
    },
}


class Settings(ServiceSettings):
    """Adds Basic authentication, taken besides the internal token when ``neo4j_password`` is set."""

    neo4j_user: str = "neo4j"
    neo4j_password: SecretStr | None = None
    transaction_idle_seconds: float = IDLE_SECONDS


def create_app(settings: Settings | None = None) -> OpenAPI:
    """The stub over the graph in ``settings.data_dir``; reads the environment when ``settings`` is None.

    Raises:
        SettingsError: the environment does not say enough.
        kglite.WriterLeaseHeldError: another process holds the graph.

    ``app.extensions["close"]()`` lets go of the graph.
    """
    if settings is None:
        configure_logging(SERVICE)
        settings = load_settings(Settings, SERVICE)
    password = settings.neo4j_password
    gate = Gate(
        settings.verifier(),
        user=settings.neo4j_user if password else None,
        password=password.get_secret_value() if password else "",
    )
    store = GraphStore(settings.data_dir)
    transactions = Transactions(store, idle=settings.transaction_idle_seconds)
    app = create_service(
        SERVICE,
        version=routes.VERSION,
        description="Neo4j's HTTP Query API v2 over an embedded Cypher engine.",
        verifier=None,
        ready={"graph": store.check},
        errors=ErrorStyle(_from_problem, _from_validation, {status: _documented(status) for status in (400, 401, 404)}),
    )
    close_at_exit(app, transactions.close, store.close)
    install_gate(app, gate.admit, _PUBLIC)
    app.register_error_handler(Neo4jError, wire.error_response)
    routes.install(app, store, transactions)
    return app


def _from_problem(problem: Problem) -> Response:
    if problem.status >= 500:
        body = {"errors": [{"code": "Neo.DatabaseError.General.UnknownError", "message": problem.detail}]}
        return wire.response(body, problem.status)
    return wire.error_response(wire.HttpFault(problem.status, _TITLES.get(problem.status, problem.title)))


def _from_validation(error: ValidationError) -> Response:
    return wire.error_response(RequestInvalid(f"Bad Request: {error.error_count()} invalid path parameters"))


def _documented(status: int) -> dict[str, object]:
    return {"description": _TITLES.get(status, "errors"), "content": {wire.JSON: {"schema": _ERROR_SCHEMA}}}
