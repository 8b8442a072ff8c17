"""Who calls the backend: users, with ``Authorization: Bearer <token>``."""

from __future__ import annotations

from functools import partial

from flask_openapi3.openapi import OpenAPI
from werkzeug.datastructures import Headers

from backend.saga.limits import USER, USER_RULE
from service_kit import problems
from service_kit.app import caller, install_gate
from service_kit.tokens import Caller, TokenRefused, TokenVerifier

CONSOLE_PATHS = ("/", "/favicon.ico")
CONSOLE_FILES = "/console/"


def install_user_check(app: OpenAPI, verifier: TokenVerifier) -> None:
    """Ask every request but those for the console's own files for a user's token."""
    install_gate(app, partial(_admit_user, verifier), CONSOLE_PATHS, [CONSOLE_FILES])


def visible_project(project: str) -> bool:
    """Whether the current user may see ``project``."""
    return caller().covers(project)


def _admit_user(verifier: TokenVerifier, headers: Headers) -> Caller:
    scheme, _, token = headers.get("Authorization", "").partition(" ")
    try:
        who = verifier.verify(token.strip() if scheme.lower() == "bearer" else "")
    except TokenRefused as refused:
        raise problems.Unauthorized(f"{refused}; `testbed token --user NAME` prints one") from None
    if not USER.fullmatch(who.user):
        raise problems.Unauthorized(f"the token's user has {USER_RULE}")
    return who
