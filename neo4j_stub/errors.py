"""What goes wrong with a statement, in Neo4j's codes, and how it looks on the wire: ``{"errors": [{code, message}]}``.

Neo4jError
├── RequestInvalid        Neo.ClientError.Request.Invalid, with the status of the HTTP fault
├── Unauthorized          401 Neo.ClientError.Security.Unauthorized
├── Forbidden             403 Neo.ClientError.Security.Forbidden
├── DatabaseNotFound      404
├── TransactionNotFound   404
└── QueryFailed           400 before the answer began, 202 after (Neo4j streams its answers)
"""

from __future__ import annotations

from typing import ClassVar


class Neo4jError(Exception):
    """A definite answer that is not a success.

    Attributes:
        status: the HTTP status.
        code: Neo4j's status code; drivers and clients decide by it.
    """

    status: ClassVar[int] = 400
    code: str = "Neo.ClientError.Request.Invalid"

    def __init__(self, message: str):
        super().__init__(message)
        self.message = message

    def body(self) -> dict[str, object]:
        """The answer's JSON object."""
        return {"errors": [{"code": self.code, "message": self.message}]}


class RequestInvalid(Neo4jError):
    """The request is not one of the Query API."""


class Unauthorized(Neo4jError):
    status, code = 401, "Neo.ClientError.Security.Unauthorized"


class Forbidden(Neo4jError):
    """A good token of another project."""

    status, code = 403, "Neo.ClientError.Security.Forbidden"


class DatabaseNotFound(Neo4jError):
    status, code = 404, "Neo.ClientError.Database.DatabaseNotFound"

    def __init__(self, name: str):
        super().__init__(f"Graph not found: {name}")


class TransactionNotFound(Neo4jError):
    """Unknown, expired, finished, or somebody else's."""

    status = 404

    def __init__(self, tx_id: str):
        super().__init__(
            f'Transaction with Id: "{tx_id}" was not found. It may have timed out and therefore rolled back '
            "or the routing header 'neo4j-cluster-affinity' was not provided."
        )


class QueryFailed(Neo4jError):
    """The statement failed, and its transaction is rolled back.

    Args:
        running: whether it was found while the statement ran.

    Attributes:
        fields: the columns of the answer that Neo4j would have begun by then; None when it would not.
    """

    def __init__(self, code: str, message: str, *, running: bool = False):
        super().__init__(message)
        self.code = code
        self.running = running
        self.fields: list[str] | None = None

    @property
    def http_status(self) -> int:
        """500 for the engine's own faults; else 202 once the answer has begun, and 400 before."""
        if self.code.startswith("Neo.DatabaseError"):
            return 500
        return 400 if self.fields is None else 202

    def body(self) -> dict[str, object]:
        """The errors, after the answer as far as it had come."""
        begun = {} if self.fields is None else {"data": {"fields": self.fields, "values": []}}
        return begun | super().body()
