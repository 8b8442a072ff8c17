"""``create_service``: the Flask application that every service starts from, with the parts of the contract they share.

/healthz, /readyz, /metrics, /openapi.json and /docs/; RFC 9457 problems for every error; the token check; body limits.
"""

from __future__ import annotations

import atexit
import logging
import sqlite3
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from typing import Any

from flask import Response, g, jsonify, request
from flask_openapi3.models.info import Info
from flask_openapi3.openapi import OpenAPI
from pydantic import BaseModel, Field, ValidationError
from werkzeug.datastructures import Headers
from werkzeug.exceptions import HTTPException, MethodNotAllowed

from service_kit import database, names, problems
from service_kit.metrics import install_metrics
from service_kit.requests_in import JsonRequest
from service_kit.tokens import Caller, TokenRefused, TokenVerifier

log = logging.getLogger(__name__)

PUBLIC_PATHS = frozenset({"/healthz", "/readyz", "/metrics", "/openapi.json"})
DOCS_PREFIX = "/docs"
MAX_BODY_BYTES = 32 * 1024 * 1024
_DOCUMENTED: Mapping[str, type[problems.Problem]] = {
    "400": problems.InvalidRequest,
    "401": problems.Unauthorized,
    "403": problems.Forbidden,
    "404": problems.NotFound,
    "405": problems.MethodNotAllowed,
    "409": problems.Conflict,
    "413": problems.TooLarge,
    "415": problems.UnsupportedMedia,
    "503": problems.Unavailable,
    "507": problems.StorageFull,
}
ReadinessCheck = Callable[[], object]  # raises when the dependency is not reachable


class FieldError(BaseModel):
    """One field that is wrong."""

    field: str
    reason: str


class ProblemBody(BaseModel):
    """RFC 9457 problem details."""

    type: str = Field(description="a stable word that names the kind of problem")
    title: str
    status: int
    detail: str | None = None
    errors: list[FieldError] | None = None


def create_service(
    name: str,
    *,
    version: str,
    description: str,
    verifier: TokenVerifier | None,
    ready: Mapping[str, ReadinessCheck] | None = None,
    public_paths: Collection[str] = (),
    max_body_bytes: int = MAX_BODY_BYTES,
    errors: ErrorStyle | None = None,
) -> OpenAPI:
    """A service with the shared routes and error handling; add the service's own routes to it.

    Args:
        verifier: checks ``X-INTERNAL-TOKEN`` on every path that is not public; None when the service has its own gate.
        ready: what ``/readyz`` asks, by name; a check raises when its dependency is away.
        public_paths: further paths that need no token.
        max_body_bytes: larger bodies get a 413.
        errors: how errors look on the wire; RFC 9457 problems by default.
    """
    style = errors or PROBLEMS
    app = OpenAPI(
        name,
        info=Info(title=name, version=version, description=description),
        responses=dict(style.documented),
        security_schemes={"internal": {"type": "apiKey", "in": "header", "name": names.INTERNAL_TOKEN}},
        validation_error_status=400,
        validation_error_model=ProblemBody,
        validation_error_callback=style.from_validation,
        doc_prefix=DOCS_PREFIX,
    )
    app.request_class = JsonRequest
    app.config["MAX_CONTENT_LENGTH"] = max_body_bytes
    app.extensions["metrics_registry"] = install_metrics(app, name)
    _install_problem_handlers(app, style)
    _install_shared_routes(app, ready or {})
    if verifier is not None:
        install_gate(app, partial(_admit_internal, verifier), public_paths)
    return app


def _problem_doc(kind: type[problems.Problem]) -> dict[str, Any]:
    schema = {"$ref": "#/components/schemas/ProblemBody"}
    return {"description": kind.title, "content": {problems.PROBLEM_JSON: {"schema": schema}}}


def caller() -> Caller:
    """Who sent the current request; only behind the token check."""
    found: Caller = g.caller
    return found


def require_project(project: str) -> Caller:
    """The caller, if its token covers ``project``.

    Raises:
        problems.Forbidden: a good token of another project.
    """
    who = caller()
    if not who.covers(project):
        raise problems.Forbidden(f"the token does not cover project {project!r}")
    return who


def problem_response(problem: problems.Problem) -> Response:
    """The one place where a problem becomes a response."""
    response = jsonify(problem.body())
    response.status_code = problem.status
    response.content_type = problems.PROBLEM_JSON
    if problem.retry_after is not None:
        response.headers["Retry-After"] = str(max(1, round(problem.retry_after)))
    return response


def _validation_problem(error: ValidationError) -> Response:
    rows = [
        {"field": ".".join(str(part) for part in row["loc"]) or "body", "reason": row["msg"]} for row in error.errors()
    ]
    summary = "; ".join(f"{row['field']}: {row['reason']}" for row in rows[:3])
    return problem_response(problems.InvalidRequest(summary, errors=rows))


@dataclass(frozen=True)
class ErrorStyle:
    """How errors look on the wire. A service that imitates a server of somebody else brings that server's style.

    Attributes:
        from_problem: the response that a problem becomes.
        from_validation: the response when a path, query or body does not fit its model.
        documented: what the OpenAPI page says of each error status.
    """

    from_problem: Callable[[problems.Problem], Response]
    from_validation: Callable[[ValidationError], Response]
    documented: Mapping[str | int | HTTPStatus, Any]


PROBLEMS = ErrorStyle(
    problem_response, _validation_problem, {status: _problem_doc(kind) for status, kind in _DOCUMENTED.items()}
)

_BY_STATUS: Mapping[int, type[problems.Problem]] = {
    400: problems.InvalidRequest,
    404: problems.NotFound,
    405: problems.MethodNotAllowed,
    413: problems.TooLarge,
    415: problems.UnsupportedMedia,
}


def _install_problem_handlers(app: OpenAPI, style: ErrorStyle) -> None:
    @app.errorhandler(problems.Problem)
    def known(problem: problems.Problem) -> Response:
        return style.from_problem(problem)

    @app.errorhandler(HTTPException)
    def raised_by_flask(error: HTTPException) -> Response:
        if error.response is not None:  # flask-openapi3 aborts with the finished response
            return error.response  # type: ignore[return-value]
        response = style.from_problem(
            _BY_STATUS.get(error.code or 500, problems.InvalidRequest)(error.description or "")
        )
        response.status_code = error.code or 500
        if isinstance(error, MethodNotAllowed):
            response.headers["Allow"] = ", ".join(sorted(error.valid_methods or ()))
        return response

    @app.errorhandler(Exception)
    def unexpected(error: Exception) -> Response:
        if problem := _trouble(error):
            log.warning("%s %s: %s", request.method, request.path, problem.detail)
            return style.from_problem(problem)
        log.exception("unexpected error in %s %s", request.method, request.path)
        return style.from_problem(problems.InternalError("the service hit a defect; its log has the details"))


def _trouble(error: Exception) -> problems.Problem | None:
    """The problem that a machine in trouble means to a caller, or None when the error is our own defect."""
    if isinstance(error, OSError):
        return problems.from_os_error(error)
    return database.trouble(error) if isinstance(error, sqlite3.Error) else None


def _install_shared_routes(app: OpenAPI, ready: Mapping[str, ReadinessCheck]) -> None:
    @app.route("/healthz")
    def healthz() -> dict[str, str]:
        return {"status": "alive"}

    @app.route("/readyz")
    def readyz() -> tuple[dict[str, Any], int]:
        away = {what: reason for what, check in ready.items() if (reason := _why_away(check))}
        status = {"status": "not ready", "away": away} if away else {"status": "ready"}
        return status, 503 if away else 200

    @app.route("/openapi.json")
    def openapi_document() -> Response:
        return jsonify(app.api_doc)


def _why_away(check: ReadinessCheck) -> str | None:
    try:
        check()
    except Exception as error:  # whatever it is, the dependency is away
        return type(error).__name__
    return None


def install_gate(
    app: OpenAPI,
    admit: Callable[[Headers], Caller],
    public_paths: Collection[str] = (),
    public_folders: Collection[str] = (),
) -> None:
    """Ask ``admit`` who sends each request, before anything else; what every service has open stays open.

    Args:
        admit: the caller behind these headers; raises when there is none.
        public_paths: further paths that need no credentials.
        public_folders: beginnings of such paths, each with its slash at the end.
    """
    paths, folders = PUBLIC_PATHS | frozenset(public_paths), (DOCS_PREFIX + "/", *public_folders)

    @app.before_request
    def check_caller() -> None:
        if request.path not in paths and not request.path.startswith(folders):
            g.caller = admit(request.headers)


def close_at_exit(app: OpenAPI, *closers: Callable[[], None]) -> None:
    """Let ``app.extensions["close"]()`` let go of the service's files; the end of the process does at the latest."""

    def close() -> None:
        atexit.unregister(close)
        for one in closers:
            one()

    app.extensions["close"] = close
    atexit.register(close)


def _admit_internal(verifier: TokenVerifier, headers: Headers) -> Caller:
    try:
        return verifier.verify(headers.get(names.INTERNAL_TOKEN, ""))
    except TokenRefused as refused:
        raise problems.Unauthorized(str(refused)) from None
