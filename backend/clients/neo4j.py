"""The graph over Neo4j's HTTP Query API v2. Works alike on a real Neo4j 5.26 and on the stub."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Any

import requests

from backend.clients import neo4j_statements as statements
from backend.clients.neo4j_statements import Relationship, SavedRelationship, Statement
from backend.clients.send import Send
from backend.clients.transport import no_answer, says_no
from backend.saga.errors import Refused, Unclear


class QueryRefused(Refused):
    """The statement failed and is rolled back; as it is, it will never succeed. ``code`` is Neo4j's."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code


class QueryUnclear(Unclear):
    """No telling whether the statement took effect, or only that it did not now: repeat it. ``code`` is Neo4j's."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code


class SagaCompensated(Refused):
    """The call came after the saga's compensation, and stays without effect (R6)."""


class SagaConfirmed(Refused):
    """The saga is committed; what it saved is not taken back any more."""


class SagaMismatch(Refused):
    """The saga saved other relationships before."""


class Neo4jGraph:
    """Saves, undoes, confirms and reads a project's relationships.

    All methods raise QueryRefused or QueryUnclear when a statement fails, and let the exceptions of ``send`` through.

    Args:
        send: sends a request to the server.
        database: the name of the database.
        clock: seconds since 1970, for the barriers' time.
    """

    def __init__(self, send: Send, *, database: str = "neo4j", clock: Callable[[], float] = time.time) -> None:
        self._send, self._clock = send, clock
        self._path = f"/db/{database}/query/v2"

    def prepare(self, project_id: str = "*") -> None:
        """Make the constraints, at start-up and as often as you like; the token's project is ``project_id``."""
        for text in statements.SETUP:
            self._run(Statement(text, {"project": project_id}))

    def save_relationships(self, saga_id: str, project_id: str, rows: Iterable[Relationship]) -> int:
        """Save ``rows``, all or nothing, pending until ``confirm``; a repetition answers the same and changes nothing.

        Returns:
            how many relationships the saga saved.

        Raises:
            SagaCompensated: the undo was here first; nothing is saved, now or later.
            SagaMismatch: the saga saved other rows before.
            ValueError: a row that cannot be saved.
        """
        statement = statements.save(saga_id, project_id, rows, self._clock())
        answer = self._one(statement)
        if answer["state"] == "compensated":
            raise SagaCompensated(f"the relationships of saga {saga_id} are already compensated")
        if answer["digest"] != statement.parameters["digest"]:
            raise SagaMismatch(f"saga {saga_id} saved other relationships before")
        return int(answer["relationships"])

    def undo_relationships(self, saga_id: str, project_id: str) -> None:
        """Remove what the saga saved, and bar it from saving later; succeeds when there is nothing to undo.

        Raises:
            SagaConfirmed: the saga is committed; nothing is removed.
        """
        if self._one(statements.undo(saga_id, project_id, self._clock()))["state"] == "confirmed":
            raise SagaConfirmed(f"the relationships of saga {saga_id} are confirmed")

    def confirm(self, saga_id: str, project_id: str) -> None:
        """Take the pending mark off; a repetition changes nothing, and neither does a saga that saved nothing here.

        Raises:
            SagaCompensated: what the saga saved was undone.
        """
        answers = self._run(statements.confirm(saga_id, project_id, self._clock()))
        if answers and answers[0]["state"] == "compensated":
            raise SagaCompensated(f"the relationships of saga {saga_id} are already compensated")

    def read(self, project_id: str) -> list[SavedRelationship]:
        """All relationships of the project, sorted."""
        return [SavedRelationship(**row) for row in self._run(statements.read(project_id))]

    def forget_barriers(self, project_id: str, before: float) -> int:
        """Remove the records of sagas that ended before ``before`` (seconds since 1970); how many there were."""
        return int(self._one(statements.forget_barriers(project_id, before))["forgotten"])

    def _one(self, statement: Statement) -> dict[str, Any]:
        rows = self._run(statement)
        if len(rows) != 1:
            raise QueryUnclear("answer", f"expected one row, got {len(rows)}")
        return rows[0]

    def _run(self, statement: Statement) -> list[dict[str, Any]]:
        try:
            response = self._send("POST", self._path, json=statement.body(), headers={"Accept": "application/json"})
        except requests.RequestException as error:
            raise no_answer("POST", self._path, error) from error
        return rows_of(response)


def rows_of(response: requests.Response) -> list[dict[str, Any]]:
    """The answer's rows by column name.

    Raises:
        QueryRefused: the statement failed for good.
        QueryUnclear: it failed for now, or the answer makes no sense.
    """
    status = response.status_code
    try:
        body = response.json()
        if errors := body.get("errors"):  # a failure found while running is answered 202, with errors
            raise _failure(status, errors[0]["code"], errors[0]["message"])
        if 200 <= status < 300:
            data = body["data"]
            return [dict(zip(data["fields"], row, strict=True)) for row in data["values"]]
    except (ValueError, KeyError, TypeError, AttributeError, IndexError):
        if 200 <= status < 300:
            raise QueryUnclear(f"HTTP {status}", "the answer is not one of the Query API") from None
    raise _failure(status, f"HTTP {status}", response.reason or "")


def _failure(status: int, code: str, message: str) -> Refused | Unclear:
    """Neo4j's codes say whether a repetition makes sense; without one, or against one, the HTTP status does."""
    lasting = not code.startswith("Neo.TransientError")
    streamed = 200 <= status < 300  # the answer had begun before the statement failed
    return QueryRefused(code, message) if lasting and (streamed or says_no(status)) else QueryUnclear(code, message)
