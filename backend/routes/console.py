"""The console's own files: one page, its style sheet and its scripts, and the policy that a browser holds them to."""

from __future__ import annotations

from pathlib import Path

from flask import Blueprint, Response, send_from_directory

FOLDER = Path(__file__).parent.parent / "console"
POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",  # nothing that a saga says can become HTML
        "trusted-types 'none'",
    )
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-cache",
}


def console_blueprint() -> Blueprint:
    """``/`` and ``/console/...``; they need no token, because they hold no data."""
    routes = Blueprint("console", __name__)

    @routes.get("/")
    def page() -> Response:
        return send_from_directory(FOLDER, "index.html")

    @routes.get("/console/<path:name>")
    def file(name: str) -> Response:
        return send_from_directory(FOLDER, name)

    @routes.after_request
    def restrict(response: Response) -> Response:
        response.headers.update(HEADERS)
        return response

    return routes
