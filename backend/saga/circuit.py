"""A participant that answers nothing, or refuses for ever, is asked now and then and not hammered (R10). Pure.

closed: every call goes through ──(``failures`` in a row)──▶ open: one call per pause, which doubles up to ``longest``
   ▲                                                              │
   └───────────────────────(a call that succeeds)─────────────────┘
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass


@dataclass(frozen=True)
class CircuitPolicy:
    """When a participant is spared, and for how long.

    With the defaults one that is down gets the first 5 calls, those that were under way already, and then a call after
    1, 2, 4, 8, 16, 30, 30, 30, ... seconds: 2 in a minute, however many sagas wait for it.

    Attributes:
        failures: in a row, after which it is spared.
        first, longest: seconds between calls while it is.
    """

    failures: int = 5
    first: float = 1.0
    longest: float = 30.0


@dataclass(frozen=True)
class Circuit:
    """What is known of one participant.

    Attributes:
        failures: calls in a row that failed.
        probes: calls that were let through while it was open.
        next_at: wall-clock seconds before which it is not called; None while it is closed.
    """

    failures: int = 0
    probes: int = 0
    next_at: float | None = None

    @property
    def was_away(self) -> bool:
        """Whether it failed for so long that sagas may have been parked because of it, and not for their own sake."""
        return self.probes > 2


def ready_at(circuit: Circuit) -> float:
    """When it may be called, in wall-clock seconds; 0 is at once."""
    return circuit.next_at or 0.0


def admitted(circuit: Circuit, policy: CircuitPolicy, now: float) -> Circuit:
    """After a call was let through. The pause begins here, so that a call whose answer never comes closes no door."""
    if circuit.next_at is None:
        return circuit
    probes = circuit.probes + 1
    return Circuit(circuit.failures, probes, now + min(policy.longest, policy.first * 2.0 ** min(probes, 60)))


def answered(circuit: Circuit, policy: CircuitPolicy, now: float, success: bool) -> Circuit:
    """After a call came to its end. While it is open a failure tells nothing new."""
    if success:
        return Circuit()
    failures = circuit.failures + 1
    if circuit.next_at is None and failures >= policy.failures:
        return Circuit(failures, 0, now + policy.first)
    return Circuit(failures, circuit.probes, circuit.next_at)


class NoLimit:
    """The guard of sagas that run by themselves: their own retry policy is limit enough."""

    def admit(self, participants: Collection[str]) -> float:
        return 0.0

    def report(self, participant: str, success: bool) -> None:
        pass
