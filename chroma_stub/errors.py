"""Chroma's errors: ``{"error": <name>, "message": <text>}``. Its clients map the name to an exception of their own.

ChromaError
├── InvalidArgument       400 InvalidArgumentError
├── Unauthorized          401 AuthError
├── Forbidden             403 AuthorizationError
├── NotFound              404 NotFoundError
├── AlreadyExists         409 ChromaError
├── Unprocessable         422 ChromaError         (well-formed JSON of the wrong shape)
├── InternalError         500 InternalError
└── NotImplementedHere    501 ChromaError
"""

from __future__ import annotations

from typing import ClassVar


class ChromaError(Exception):
    """A definite answer that is not a success."""

    status: ClassVar[int] = 500
    error: ClassVar[str] = "ChromaError"

    def __init__(self, message: str):
        super().__init__(message)
        self.message = message

    def body(self) -> dict[str, str]:
        """The answer's JSON object."""
        return {"error": self.error, "message": self.message}


class InvalidArgument(ChromaError):
    status, error = 400, "InvalidArgumentError"


class Unauthorized(ChromaError):
    status, error = 401, "AuthError"


class Forbidden(ChromaError):
    status, error = 403, "AuthorizationError"


class NotFound(ChromaError):
    status, error = 404, "NotFoundError"


class AlreadyExists(ChromaError):
    status = 409


class Unprocessable(ChromaError):
    """The body is JSON but does not have the shape that is asked for; the message names the field."""

    status = 422

    def __init__(self, reason: str):
        super().__init__(f"Failed to deserialize the JSON body into the target type: {reason}")


class InternalError(ChromaError):
    status, error = 500, "InternalError"


class NotImplementedHere(ChromaError):
    status = 501
