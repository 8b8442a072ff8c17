"""Who may: a valid internal token, or the token that a real Chroma would ask for."""

from __future__ import annotations

import hmac
from dataclasses import dataclass

from werkzeug.datastructures import Headers

from chroma_stub.errors import Forbidden, Unauthorized
from service_kit import names
from service_kit.chroma_names import project_of
from service_kit.tokens import ANY_PROJECT, Caller, TokenRefused, TokenVerifier

CHROMA_TOKEN = "x-chroma-token"  # noqa: S105 - the header's name


@dataclass(frozen=True)
class Gate:
    """Decides who calls.

    Attributes:
        token: taken as ``x-chroma-token`` or as a bearer token; None when only internal tokens are taken.
    """

    verifier: TokenVerifier
    token: str | None = None

    def admit(self, headers: Headers) -> Caller:
        """The caller behind the request; raises Unauthorized."""
        if internal := headers.get(names.INTERNAL_TOKEN):
            try:
                return self.verifier.verify(internal)
            except TokenRefused as refused:
                raise Unauthorized(str(refused)) from None
        scheme, _, bearer = headers.get("Authorization", "").partition(" ")
        found = headers.get(CHROMA_TOKEN) or (bearer if scheme.lower() == "bearer" else "")
        if self.token is None or not hmac.compare_digest(found.encode(), self.token.encode()):
            raise Unauthorized("a valid token is needed")
        return Caller("chroma", "token", ANY_PROJECT)


def require_collection(caller: Caller, name: str) -> None:
    """The token's project must be the one whose collection this is (R14); raises Forbidden."""
    if not covers(caller, name):
        raise Forbidden(f"the token does not cover collection {name}")


def covers(caller: Caller, name: str) -> bool:
    """Whether the token covers the collection ``name``."""
    return caller.covers(project_of(name))


def require_operator(caller: Caller) -> None:
    """Tenants and databases belong to no project; raises Forbidden for the token of a single one."""
    if caller.project != ANY_PROJECT:
        raise Forbidden("a token of a single project does not cover tenants and databases")
