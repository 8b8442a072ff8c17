"""What each kind of fault at a call is for real. One kind, one line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from chaos.explorer.schedule import Fault, FaultKind

K = FaultKind
UNTIL_RELEASED = 24 * 3_600_000  # ms
COPY_AFTER = 200  # ms between a request and its copy
PATIENCE, PATIENT = 0.3, 60.0
"""Seconds that a caller waits: for an answer that will not come, and for any other."""


class Blow(StrEnum):
    """What the participant itself meets."""

    KILL_BEFORE = "kill before"
    """kill -9 when its server has the request and its app has not."""
    KILL_AFTER = "kill after"
    """kill -9 when its app has answered and its server has not."""
    FULL = "disk full"
    """RLIMIT_FSIZE 0 while its app works on the request."""


@dataclass(frozen=True)
class Measure:
    """One fault, for real.

    Attributes:
        fault: an ``http_fault`` on the link, or None.
        deliveries: how often the participant answers before the caller may go on.
        patience: seconds that the caller waits.
        expired: the caller sends a token that has expired.
    """

    fault: Mapping[str, Any] | None = None
    deliveries: int = 1
    patience: float = PATIENT
    blow: Blow | None = None
    expired: bool = False
    late: bool = False


class NotForReal(ValueError):
    """This schedule cannot happen over real processes; the message says why."""


def measure_of(faults: Sequence[Fault], method: str) -> Measure:
    """What to do at a call with these faults (a coordinator's pause aside: that lies before it).

    Raises:
        NotForReal: two faults at one call; which of them happens first is anybody's guess.
    """
    kinds = [fault.kind for fault in faults if fault.kind is not K.PAUSED]
    if len(kinds) > 1:
        raise NotForReal(f"two faults at one call: {faults[0].point}")
    if not kinds:
        return Measure()
    if kinds[0] is K.CUT and method == "DELETE":
        return _CUT_AT_ONCE
    return _MEASURES[kinds[0]]


def _answered(status: int, word: str, *, deliver: bool = False) -> dict[str, Any]:
    problem = {"type": word, "title": word, "status": status, "detail": "as the schedule has it"}
    headers = {"Content-Type": "application/problem+json"}
    return {"action": "status", "status": status, "deliver": deliver, "body": problem, "headers": headers}


_CUT_AT_ONCE = Measure({"action": "drop_response", "then": "close"})
"""An undo is answered 204, without a body that could be cut."""
_MEASURES: Mapping[FaultKind, Measure] = {
    K.REFUSED: Measure(_answered(409, "refused-by-the-schedule"), deliveries=0),
    K.REQUEST_LOST: Measure({"action": "drop_request", "then": "silence"}, deliveries=0, patience=PATIENCE),
    K.RESPONSE_LOST: Measure({"action": "drop_response", "then": "silence"}, patience=PATIENCE),
    K.CUT: Measure({"action": "cut", "bytes": 5, "then": "close"}),
    K.ERROR_BEFORE: Measure(_answered(503, "unavailable"), deliveries=0),
    K.ERROR_AFTER: Measure(_answered(500, "internal", deliver=True)),
    K.LATE: Measure({"action": "hold", "ms": UNTIL_RELEASED}, deliveries=0, patience=PATIENCE, late=True),
    K.DUPLICATE: Measure({"action": "duplicate", "ms": COPY_AFTER}, deliveries=2),
    K.EXPIRED: Measure(expired=True),
    K.DOWN_BEFORE: Measure(blow=Blow.KILL_BEFORE),
    K.DOWN_AFTER: Measure(blow=Blow.KILL_AFTER),
    K.DISK_FULL: Measure(blow=Blow.FULL),
}
