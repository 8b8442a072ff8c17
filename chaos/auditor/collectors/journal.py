"""The journal of what clients were told: one JSON object a line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from chaos.auditor.facts import Told

STATUSES = ("success", "failed")


def read_journal(path: Path, project: str | None = None) -> list[Told]:
    """Every line of the journal; with ``project`` only that project's.

    Raises:
        OSError: it cannot be read.
        ValueError: a line says no answer; the message names it. A last line without its end was being written.
    """
    lines = path.read_text(encoding="utf-8").split("\n")
    told = [_read(number, line) for number, line in enumerate(lines[:-1], start=1) if line.strip()]
    return [answer for answer in told if project in (None, answer.project)]


def _read(number: int, line: str) -> Told:
    try:
        answer: Any = json.loads(line)
        status, files = answer["status"], answer.get("files") or {}
        if status not in STATUSES or not isinstance(files, dict):
            raise ValueError(f"status must be one of {', '.join(STATUSES)}, files an object")
        return Told(number, str(answer["saga_id"]), str(answer["project_id"]), status, answer.get("snapshot_id"), files)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"line {number} of the journal says no answer: {error!r}") from None
