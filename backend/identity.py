"""Who calls the backend: users, with ``Authorization: Bearer <token>``."""

from __future__ import annotations

from flask import Flask, g, request

from service_kit import problems
from service_kit.app import DOCS_PREFIX, PUBLIC_PATHS
from service_kit.tokens import Caller, TokenRefused, TokenVerifier

CONSOLE_PATHS = ("/", "/favicon.ico")
CONSOLE_FILES = "/console/"


def install_user_check(app: Flask, verifier: TokenVerifier) -> None:
    """Ask every request but those for the console's own files for a user's token."""

    @app.before_request
    def check_user() -> None:
        path = request.path
        if path in PUBLIC_PATHS or path in CONSOLE_PATHS or path.startswith((DOCS_PREFIX + "/", CONSOLE_FILES)):
            return
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        try:
            g.caller = verifier.verify(token.strip() if scheme.lower() == "bearer" else "")
        except TokenRefused as refused:
            raise problems.Unauthorized(f"{refused}; `testbed token --user NAME` prints one") from None


def visible_project(project: str) -> bool:
    """Whether the current user may see ``project``."""
    who: Caller = g.caller
    return who.covers(project)
