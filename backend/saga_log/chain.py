"""The hash chain over the events of one saga: whoever edits, drops or adds one later breaks it (docs/saga-log.md)."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from backend.saga.events import Event


def canonical(value: Any) -> str:
    """JSON in one form: keys sorted, no blanks, characters as they are."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True)


def first_link(saga_id: str) -> str:
    """What stands before the first event: it ties the history to its saga."""
    return hashlib.sha256(saga_id.encode()).hexdigest()


def next_link(previous: str, seq: int, event: Event, data: str) -> str:
    """The hash of an event: of the one before, and of its own canonical ``[seq, type, step, at, data]``.

    Args:
        previous: the hash of the event before, 64 hexadecimal digits.
        data: the event's data in canonical form already; it is stored in that form too.
    """
    step = json.dumps(event.step, ensure_ascii=False)
    line = f'{previous}\n[{seq},"{event.type}",{step},{float(event.at)!r},{data}]'
    return hashlib.sha256(line.encode()).hexdigest()
