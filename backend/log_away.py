"""What the API answers while the saga log's database is away: not a defect, and worth another try."""

from __future__ import annotations

from flask import Flask
from werkzeug.wrappers import Response

from backend.outage import LOG_IS_AWAY
from service_kit.app import problem_response
from service_kit.problems import Unavailable

RETRY_AFTER = 2.0  # seconds


def install_log_errors(app: Flask) -> None:
    """503 with ``Retry-After`` for a database that restarts, cannot be reached or takes no writes.

    Whether a request that was under way was entered is not known then; its ``Idempotency-Key`` makes repeating safe.
    """

    def answer(error: Exception) -> Response:
        app.logger.warning("the saga log is away: %s", type(error.__cause__ or error).__name__)
        return problem_response(Unavailable("the saga log cannot be reached now", retry_after=RETRY_AFTER))

    for kind in LOG_IS_AWAY:
        app.register_error_handler(kind, answer)
