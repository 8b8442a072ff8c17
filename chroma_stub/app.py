"""Composition root.

``gunicorn 'chroma_stub.app:create_app()' -c python:service_kit.gunicorn_conf -b 127.0.0.1:6002``
"""

from __future__ import annotations

import json

from flask import Response, jsonify
from flask_openapi3.openapi import OpenAPI
from pydantic import SecretStr, ValidationError

from chroma_stub import record_routes, routes, shapes
from chroma_stub.auth import Gate
from chroma_stub.database import Database
from chroma_stub.errors import ChromaError, InternalError, InvalidArgument, Unauthorized, Unprocessable
from chroma_stub.records import Records
from chroma_stub.store import Store
from service_kit.app import ErrorStyle, close_at_exit, create_service, install_gate
from service_kit.logs import configure_logging
from service_kit.problems import InvalidRequest, Problem
from service_kit.requests_in import JsonRequest, parse_object
from service_kit.settings import ServiceSettings, load_settings

SERVICE = "chroma_stub"
MAX_BODY_BYTES = 40 * 1024 * 1024
_PUBLIC = {routes.API} | {f"{routes.API}/{name}" for name in ("heartbeat", "version", "healthcheck")}
_ERROR_SCHEMA = {
    "type": "object",
    "properties": {"error": {"type": "string"}, "message": {"type": "string"}},
}
_DOCUMENTED = {400: "bad request", 401: "no token", 403: "another project's", 404: "not there", 422: "wrong shape"}


class Settings(ServiceSettings):
    """Adds Chroma's own token, taken besides the internal one."""

    chroma_token: SecretStr | None = None


class ChromaRequest(JsonRequest):
    """A body without a content type is taken as JSON."""

    def get_json(self, force: bool = False, silent: bool = False, cache: bool = True) -> object:
        """The body as a JSON object; raises ChromaError, or UnsupportedMedia."""
        if self.content_type and not self.is_json:
            return super().get_json()
        raw = self.get_data()
        try:
            return parse_object(raw)
        except InvalidRequest as invalid:
            if _is_json(raw):
                raise Unprocessable(invalid.detail) from None
            raise InvalidArgument(f"Failed to parse the request body as JSON: {invalid.detail}") from None


def create_app(settings: Settings | None = None) -> OpenAPI:
    """The stub over the file in ``settings.data_dir``; reads the environment when ``settings`` is None.

    Raises:
        SettingsError: the environment does not say enough.

    ``app.extensions["close"]()`` lets go of the file.
    """
    if settings is None:
        configure_logging(SERVICE)
        settings = load_settings(Settings, SERVICE)
    token = settings.chroma_token
    gate = Gate(settings.verifier(), token.get_secret_value() if token else None)
    database = Database(settings.data_dir / "chroma.sqlite3")
    store = Store(database)
    app = create_service(
        SERVICE,
        version=routes.SERVER_VERSION,
        description="Chroma's HTTP v2 API over SQLite.",
        verifier=None,
        ready={"database": store.check},
        max_body_bytes=MAX_BODY_BYTES,
        errors=ErrorStyle(_from_problem, _from_validation, {status: _documented(status) for status in _DOCUMENTED}),
    )
    app.request_class = ChromaRequest
    close_at_exit(app, database.close)
    install_gate(app, gate.admit, _PUBLIC)
    app.register_error_handler(ChromaError, _response)
    routes.install(app, store)
    record_routes.install(app, store, Records(database))
    return app


def _response(error: ChromaError) -> Response:
    response = jsonify(error.body())
    response.status_code = error.status
    if isinstance(error, Unauthorized):
        response.headers["WWW-Authenticate"] = "Bearer"
    return response


def _from_problem(problem: Problem) -> Response:
    if problem.status in (404, 405):  # no such path, no such verb: Chroma answers without a body
        return Response(status=problem.status)
    if problem.status == 413:
        return Response("Payload too large", problem.status, content_type="text/plain; charset=utf-8")
    if problem.status == 415:
        message = "Expected request with `Content-Type: application/json`"
    else:
        message = problem.detail or problem.title
    ours = problem.status >= InternalError.status  # Chroma has one status for all trouble of its own
    response = jsonify({"error": InternalError.error if ours else ChromaError.error, "message": message})
    response.status_code = min(problem.status, InternalError.status)
    return response


def _from_validation(error: ValidationError) -> Response:
    if error.title == shapes.Page.__name__:
        field = ".".join(map(str, error.errors()[0]["loc"]))
        return _response(InvalidArgument(f"Failed to deserialize query string: {field}: invalid digit found in string"))
    return _response(Unprocessable(shapes.reason(error)))


def _is_json(raw: bytes) -> bool:
    try:
        json.loads(raw)
    except (ValueError, RecursionError):
        return False
    return True


def _documented(status: int) -> dict[str, object]:
    return {"description": _DOCUMENTED[status], "content": {"application/json": {"schema": _ERROR_SCHEMA}}}
