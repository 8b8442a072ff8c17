"""Log lines are events: plain text by default, one JSON object a line with ``LOG_FORMAT=json``."""

from __future__ import annotations

import json
import logging
import os
import sys

FIELDS = ("saga_id", "step", "attempt", "trace_id")
_FORMAT_ENV = "LOG_FORMAT"


class JsonFormatter(logging.Formatter):
    """One line a record: time, level, service, message, and the event fields that the record carries."""

    def __init__(self, service: str) -> None:
        super().__init__()
        self.service = service

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": self.formatTime(record, "%Y-%m-%dT%H:%M:%S%z"),
            "level": record.levelname.lower(),
            "service": self.service,
            "logger": record.name,
            "message": record.getMessage(),
        }
        line |= {name: value for name in FIELDS if (value := getattr(record, name, None)) is not None}
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


def configure_logging(service: str, level: int = logging.INFO) -> None:
    """Send the root logger to stderr in the form that ``LOG_FORMAT`` asks for (``plain`` or ``json``)."""
    handler = logging.StreamHandler(sys.stderr)
    if os.environ.get(_FORMAT_ENV, "plain") == "json":
        handler.setFormatter(JsonFormatter(service))
    else:
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)-7s %(message)s"))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
