"""The Query API's requests and answers as they cross the wire: media types, plain and typed JSON, key order."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any, Literal

from flask import Request, Response
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from neo4j_stub import values
from neo4j_stub.errors import Neo4jError, QueryFailed, RequestInvalid
from neo4j_stub.store import STATEMENT_SECONDS, Answer, Statement
from neo4j_stub.transactions import OpenTransaction
from service_kit.problems import InvalidRequest
from service_kit.requests_in import parse_object

JSON = "application/json"
TYPED = "application/vnd.neo4j.query"
_TYPED_TYPES = frozenset({TYPED, f"{TYPED}.v1.0"})
_COUNTERS: Mapping[str, str] = {
    "nodesCreated": "nodes_created",
    "nodesDeleted": "nodes_deleted",
    "propertiesSet": "properties_set",
    "relationshipsCreated": "relationships_created",
    "relationshipsDeleted": "relationships_deleted",
    "labelsAdded": "labels_added",
    "labelsRemoved": "labels_removed",
    "indexesAdded": "indexes_added",
    "indexesRemoved": "indexes_removed",
    "constraintsAdded": "constraints_added",
    "constraintsRemoved": "constraints_removed",
}


class HttpFault(RequestInvalid):
    """A request that HTTP itself refuses: 404, 405, 406, 413, 415."""

    def __init__(self, status: int, message: str):
        super().__init__(message)
        self.status = status  # type: ignore[misc]  # per instance here, per class elsewhere


class QueryRequest(BaseModel):
    """One statement of the Query API."""

    model_config = ConfigDict(extra="forbid", strict=True)

    statement: str | None = None
    parameters: dict[str, Any] | None = None
    includeCounters: bool = False  # noqa: N815 - Neo4j's names
    accessMode: Literal["READ", "WRITE"] = "WRITE"  # noqa: N815
    bookmarks: list[str] | None = None
    maxExecutionTime: float | None = Field(default=None, gt=0, description="seconds")  # noqa: N815
    impersonatedUser: str | None = None  # noqa: N815
    txType: str | None = None  # noqa: N815
    txMetadata: dict[str, Any] | None = None  # noqa: N815
    notificationsFilter: Any = None  # noqa: N815

    @field_validator("accessMode", mode="before")
    @classmethod
    def _any_case(cls, value: Any) -> Any:
        return value.upper() if isinstance(value, str) else value

    def as_statement(self) -> Statement:
        """The statement for the store; raises RequestInvalid when there is none."""
        if not self.statement:
            raise RequestInvalid("statement cannot be null or empty")
        seconds = min(self.maxExecutionTime or STATEMENT_SECONDS, STATEMENT_SECONDS)
        return Statement(self.statement, self.parameters or {}, self.accessMode == "READ", seconds)


def read_request(request: Request, *, may_be_empty: bool = False) -> QueryRequest:
    """The request's body.

    Raises:
        HttpFault: 415 for a content type that is not the Query API's.
        RequestInvalid: not JSON, or not of the Query API's shape.
        QueryFailed: impersonation, which is not there.
    """
    raw = request.get_data()
    if not raw and may_be_empty:
        return QueryRequest()
    if request.mimetype != JSON and request.mimetype not in _TYPED_TYPES:
        raise HttpFault(415, "Unsupported Media Type")
    try:
        found = QueryRequest.model_validate(parse_object(raw))
        if request.mimetype != JSON and found.parameters:
            found.parameters = {key: values.from_typed(item) for key, item in found.parameters.items()}
    except InvalidRequest as invalid:
        raise RequestInvalid(f"Bad Request: {invalid.detail}") from None
    except ValidationError as invalid:
        rows = (f"{'.'.join(map(str, row['loc']))}: {row['msg']}" for row in invalid.errors())
        raise RequestInvalid(f"Bad Request: {'; '.join(rows)}") from None
    except (ValueError, TypeError, AttributeError) as invalid:
        raise RequestInvalid(f"Bad Request: parameters: {invalid}") from None
    if found.impersonatedUser is not None:
        raise QueryFailed("Neo.ClientError.Statement.ArgumentError", "Impersonation is not supported.")
    return found


def answer_type(request: Request) -> str:
    """The media type to answer in; raises HttpFault 406 when the client takes none of ours."""
    accepted = request.accept_mimetypes
    found = accepted.best_match([JSON, *sorted(_TYPED_TYPES)], default="" if accepted else JSON)
    if not found:
        raise HttpFault(406, "Not Acceptable")
    return found


def answer_body(answer: Answer, asked: QueryRequest, media_type: str) -> dict[str, Any]:
    """``data`` and, when asked for, ``counters``."""
    write = values.plain if media_type == JSON else values.typed
    rows = [[write(value) for value in row] for row in answer.rows]
    body: dict[str, Any] = {"data": {"fields": list(answer.fields), "values": rows}}
    if asked.includeCounters:
        body["counters"] = counters(answer.counters)
    return body


def counters(stats: Mapping[str, int]) -> dict[str, Any]:
    """Neo4j's fourteen counters. The engine does not count labels; a removed property counts as a set one in Neo4j."""
    found: dict[str, Any] = {name: stats.get(ours, 0) for name, ours in _COUNTERS.items()}
    found["propertiesSet"] += stats.get("properties_removed", 0)
    updates = any(found.values())
    return {"containsUpdates": updates, **found, "containsSystemUpdates": False, "systemUpdates": 0}


def transaction_body(tx: OpenTransaction) -> dict[str, Any]:
    """``transaction``: how to go on with it and until when."""
    return {"transaction": {"id": tx.id, "expires": tx.expires.strftime("%Y-%m-%dT%H:%M:%SZ")}}


def bookmark_body(version: int) -> dict[str, Any]:
    """``bookmarks``: a name for the state after this commit. With one server every bookmark is reached."""
    return {"bookmarks": ["FB:" + base64.b64encode(version.to_bytes(18, "big")).decode()]}


def response(body: Mapping[str, Any], status: int = 202, media_type: str = JSON) -> Response:
    """The answer, with its keys in the order of ``body``."""
    return Response(json.dumps(body, ensure_ascii=False), status, content_type=media_type)


def error_response(error: Neo4jError) -> Response:
    """The one place where an error becomes a response."""
    status = error.http_status if isinstance(error, QueryFailed) else error.status
    answer = response(error.body(), status)
    if status == 401:
        answer.headers["WWW-Authenticate"] = 'Basic realm="Neo4j", charset="UTF-8"'
    return answer
