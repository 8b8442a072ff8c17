"""Who may: a valid internal token, or the user and password that a real Neo4j would ask for."""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Mapping
from dataclasses import dataclass

from werkzeug.datastructures import Headers

from neo4j_stub.errors import Forbidden, Neo4jError, Unauthorized
from service_kit import names
from service_kit.tokens import ANY_PROJECT, Caller, TokenRefused, TokenVerifier

PROJECT_PARAMETER = "project"


class BadHeader(Neo4jError):
    """An Authorization header that cannot be read."""

    status, code = 401, "Neo.ClientError.Request.InvalidFormat"


@dataclass(frozen=True)
class Gate:
    """Decides who calls.

    Attributes:
        user: the user of Basic authentication; None when only internal tokens are taken.
        password: that user's password.
    """

    verifier: TokenVerifier
    user: str | None = None
    password: str = ""

    def admit(self, headers: Headers) -> Caller:
        """The caller behind the request.

        Raises:
            Unauthorized: no credentials, or wrong ones.
            BadHeader: an Authorization header that is not Basic.
        """
        if token := headers.get(names.INTERNAL_TOKEN):
            try:
                return self.verifier.verify(token)
            except TokenRefused as refused:
                raise Unauthorized(str(refused)) from None
        header = headers.get("Authorization")
        if self.user is None or header is None:
            raise Unauthorized("No authentication header supplied.")
        user, password = _basic(header)
        # Both are compared, and in constant time, so that the answer's time tells nothing of either.
        same_user = hmac.compare_digest(user.encode(), self.user.encode())
        if not hmac.compare_digest(password.encode(), self.password.encode()) or not same_user:
            raise Unauthorized("Invalid username or password.")
        return Caller("basic", user, ANY_PROJECT)


def require_project(caller: Caller, parameters: Mapping[str, object]) -> None:
    """The token's project must be the statement's (R14): a statement names its project in the parameter ``project``.

    Raises:
        Forbidden: it names none, or another one.
    """
    if caller.project == ANY_PROJECT:
        return
    project = parameters.get(PROJECT_PARAMETER)
    if not isinstance(project, str):
        raise Forbidden(f"the statement needs the parameter '{PROJECT_PARAMETER}', the project of the token")
    if not caller.covers(project):
        raise Forbidden(f"the token does not cover project {project!r}")


def _basic(header: str) -> tuple[str, str]:
    scheme, _, encoded = header.partition(" ")
    try:
        user, colon, password = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        raise BadHeader("Invalid authentication header.") from None
    if scheme.lower() != "basic" or not colon:
        raise BadHeader("Invalid authentication header.")
    return user, password
