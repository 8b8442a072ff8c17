"""Schedules: which fault hits where. A schedule and a scenario decide a run completely."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

FORMAT = 1


class FaultKind(StrEnum):
    """What can go wrong at one call or one durable write."""

    REFUSED = "refused"
    """The call is answered with a definite no; it had no effect."""
    REQUEST_LOST = "request lost"
    """The call never arrives; the caller waits in vain."""
    RESPONSE_LOST = "response lost"
    """The call has its effect; the caller waits in vain."""
    CUT = "answer cut"
    """The call has its effect; half of the answer arrives."""
    ERROR_BEFORE = "error before"
    """503, and no effect."""
    ERROR_AFTER = "error after"
    """500, and the effect happened."""
    LATE = "late"
    """The caller gave up; the call arrives just before a later call, or at the very end."""
    DUPLICATE = "duplicate"
    """The call arrives twice; the caller gets the first answer."""
    EXPIRED = "token expired"
    """The call carries a token that has expired by the time it arrives."""
    DOWN_BEFORE = "participant killed before"
    """The participant is killed before it sees the call, and comes back from its folder."""
    DOWN_AFTER = "participant killed after"
    """The participant is killed with the effect durable and the answer not sent; it comes back from its folder."""
    DISK_FULL = "participant's disk full"
    """The participant has no space left while it works on this call."""
    PAUSED = "coordinator paused"
    """The coordinator stands still before the call or write for longer than its lease, and then goes on as if nothing
    were."""
    KILLED_BEFORE = "coordinator killed before"
    """The coordinator dies before the write is durable; another takes over when the lease ends."""
    KILLED_AFTER = "coordinator killed after"
    """The coordinator dies right after the write is durable."""
    LOG_FULL = "log's disk full"
    """The write fails, and nothing of it is there."""
    LOG_ERROR = "log's I/O error"
    """The write is reported as failed, and is there all the same."""
    CANCELLED = "saga cancelled"
    """A client cancels the saga just before the write, if it still may."""


K = FaultKind
CALL_KINDS = (
    K.REFUSED,
    K.REQUEST_LOST,
    K.RESPONSE_LOST,
    K.CUT,
    K.ERROR_BEFORE,
    K.ERROR_AFTER,
    K.LATE,
    K.DUPLICATE,
    K.EXPIRED,
    K.DOWN_BEFORE,
    K.DOWN_AFTER,
    K.DISK_FULL,
    K.PAUSED,
)
READ_KINDS = (K.REFUSED, K.REQUEST_LOST, K.CUT, K.ERROR_BEFORE, K.EXPIRED)
"""A participant's reads have no effect, so before and after, once and twice, in time and late are the same there."""
WRITE_KINDS = (K.KILLED_BEFORE, K.KILLED_AFTER, K.LOG_FULL, K.LOG_ERROR, K.PAUSED, K.CANCELLED)


@dataclass(frozen=True, order=True)
class Point:
    """One call or durable write of a run: what it is, and the how-manieth of its kind, from 1."""

    what: str
    nth: int

    def __str__(self) -> str:
        return self.what if self.nth == 1 else f"{self.what} (no. {self.nth})"


@dataclass(frozen=True, order=True)
class Fault:
    """One fault at one point.

    Attributes:
        overtaken_by: for ``late`` only: before the how-manieth later call it arrives, from 1; -1: at the very end.
            Calls that are part of its participant's own work on another request do not count.
    """

    point: Point
    kind: FaultKind
    overtaken_by: int = 0

    def __str__(self) -> str:
        late = ""
        if self.kind is K.LATE:
            when = (
                "at the very end" if self.overtaken_by < 0 else f"before the {_ordinal(self.overtaken_by)} later call"
            )
            late = f", {when}"
        return f"{self.kind}{late}: {self.point}"


@dataclass(frozen=True)
class Schedule:
    """One run of one scenario.

    Attributes:
        scenario: its public name, or ``package.module:factory``.
        seed: decides who runs next when several sagas interleave; None: nobody overtakes anybody by chance.
    """

    scenario: str
    faults: tuple[Fault, ...] = ()
    seed: int | None = None

    def with_faults(self, faults: tuple[Fault, ...]) -> Schedule:
        """The same scenario and seed under other faults."""
        return replace(self, faults=faults)

    def to_json(self) -> dict[str, Any]:
        """As ``testbed replay`` reads it."""
        return {
            "format": FORMAT,
            "scenario": self.scenario,
            "seed": self.seed,
            "faults": [
                {"at": fault.point.what, "nth": fault.point.nth, "kind": str(fault.kind)}
                | ({"overtaken_by": fault.overtaken_by} if fault.kind is K.LATE else {})
                for fault in self.faults
            ],
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Schedule:
        """Read what ``to_json`` wrote.

        Raises:
            ValueError: it is no schedule; the message names the field.
        """
        if not isinstance(data, Mapping) or data.get("format") != FORMAT:
            raise ValueError(f"format: this is no schedule of format {FORMAT}")
        scenario, seed, faults = data.get("scenario"), data.get("seed"), data.get("faults")
        if not isinstance(scenario, str) or not scenario:
            raise ValueError("scenario: a name is needed")
        if not (seed is None or isinstance(seed, int)):
            raise ValueError("seed: a whole number or null is needed")
        if not isinstance(faults, list):
            raise ValueError("faults: a list is needed")
        return cls(scenario, tuple(_fault(number, entry) for number, entry in enumerate(faults)), seed)


def _fault(number: int, entry: Any) -> Fault:
    where = f"faults[{number}]"
    if not isinstance(entry, Mapping):
        raise ValueError(f"{where}: an object is needed")
    what, nth, kind, late = entry.get("at"), entry.get("nth", 1), entry.get("kind"), entry.get("overtaken_by", 0)
    if not isinstance(what, str) or not what:
        raise ValueError(f"{where}.at: the name of a point is needed")
    if not isinstance(nth, int) or nth < 1:
        raise ValueError(f"{where}.nth: a whole number from 1 is needed")
    if not isinstance(late, int) or late < -1:
        raise ValueError(f"{where}.overtaken_by: a whole number from -1 is needed")
    if not isinstance(kind, str) or kind not in set(FaultKind):
        raise ValueError(f"{where}.kind: one of {', '.join(FaultKind)} is needed")
    return Fault(Point(what, nth), FaultKind(kind), late)


def _ordinal(number: int) -> str:
    ending = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"
