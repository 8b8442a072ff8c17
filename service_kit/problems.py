"""Errors as RFC 9457 problems. One exception a problem, one handler that writes the body.

Problem
├── InvalidRequest        400 invalid-request        (names the field)
├── Unauthorized          401 unauthorized
├── Forbidden             403 forbidden
├── NotFound              404 not-found
├── MethodNotAllowed      405 method-not-allowed
├── SlowBody              408 request-timeout        (the client stopped sending)
├── Locked                409 locked                 (names the holder, R11)
├── SagaCompensated       409 saga-compensated       (a late action after its compensation, R6)
├── Conflict              409 conflict               (same key, other content; a kind the store tells by its detail)
├── TooLarge              413 too-large
├── UnsupportedMedia      415 unsupported-media-type
├── TooManyRequests       429 too-many-requests      (says when to come back)
├── InternalError         500 internal-error
├── Unavailable           503 unavailable            (no file descriptors, read-only disk, dependency away)
└── StorageFull           507 storage-full
"""

from __future__ import annotations

import errno
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

PROBLEM_JSON = "application/problem+json"


class Problem(Exception):
    """A definite answer that is not a success.

    Args:
        detail: one sentence for the caller; never a token, never file content.
        extra: further members of the problem body (RFC 9457 section 3.2).
        retry_after: seconds until a retry makes sense; sent as ``Retry-After``.
    """

    status: ClassVar[int] = 500
    type: ClassVar[str] = "internal-error"
    title: ClassVar[str] = "Internal error"

    def __init__(self, detail: str = "", *, extra: Mapping[str, Any] | None = None, retry_after: float | None = None):
        super().__init__(detail or self.title)
        self.detail = detail
        self.extra = dict(extra or {})
        self.retry_after = retry_after

    def body(self) -> dict[str, Any]:
        """The problem's JSON object."""
        body: dict[str, Any] = {"type": self.type, "title": self.title, "status": self.status}
        if self.detail:
            body["detail"] = self.detail
        return body | self.extra


class InvalidRequest(Problem):
    """The request is malformed; ``errors`` names each field."""

    status, type, title = 400, "invalid-request", "The request is not valid"

    def __init__(self, detail: str = "", *, field: str | None = None, errors: Sequence[Mapping[str, str]] = ()):
        rows = [dict(row) for row in errors]
        if field is not None:
            rows.append({"field": field, "reason": detail})
        super().__init__(detail, extra={"errors": rows} if rows else None)


class Unauthorized(Problem):
    """No token, or one that is expired, badly signed or of an unknown issuer."""

    status, type, title = 401, "unauthorized", "A valid token is needed"


class Forbidden(Problem):
    """A good token that does not cover this project."""

    status, type, title = 403, "forbidden", "The token does not cover this"


class NotFound(Problem):
    status, type, title = 404, "not-found", "There is no such thing"


class MethodNotAllowed(Problem):
    status, type, title = 405, "method-not-allowed", "This address does not take that method"


class SlowBody(Problem):
    status, type, title = 408, "request-timeout", "The body did not arrive in time"


class Conflict(Problem):
    status, type, title = 409, "conflict", "The request conflicts with what is there"


class Locked(Conflict):
    """Another open saga holds what the request wants to write (R11)."""

    type, title = "locked", "An open saga holds this"

    def __init__(self, detail: str, *, holder: str):
        super().__init__(detail, extra={"holder": holder})


class SagaCompensated(Conflict):
    """The action arrived after its compensation and stays without effect (R6)."""

    type, title = "saga-compensated", "This saga's step was already compensated"


class TooLarge(Problem):
    status, type, title = 413, "too-large", "The request is too large"


class UnsupportedMedia(Problem):
    status, type, title = 415, "unsupported-media-type", "Send application/json"


class TooManyRequests(Problem):
    status, type, title = 429, "too-many-requests", "Too many requests"


class InternalError(Problem):
    pass


class Unavailable(Problem):
    status, type, title = 503, "unavailable", "The service cannot do this now"


class StorageFull(Problem):
    status, type, title = 507, "storage-full", "There is no room left"


_BY_ERRNO: Mapping[int, tuple[type[Problem], str]] = {
    errno.ENOSPC: (StorageFull, "the disk is full"),
    errno.EDQUOT: (StorageFull, "the disk quota is used up"),
    errno.EFBIG: (StorageFull, "the disk takes no file of that size"),
    errno.EROFS: (Unavailable, "the disk is read-only"),
    errno.EACCES: (Unavailable, "the data folder is not writable"),
    errno.EMFILE: (Unavailable, "no file descriptor is free"),
    errno.ENFILE: (Unavailable, "no file descriptor is free"),
    errno.EIO: (Unavailable, "the disk reports an I/O error"),
}


def from_os_error(error: OSError) -> Problem | None:
    """The problem that an operating system error means to a caller, or None when it is our own defect."""
    found = _BY_ERRNO.get(error.errno or 0)
    return found[0](found[1]) if found else None
