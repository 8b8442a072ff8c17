"""The circuits of one worker, shared by all its sagas."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Collection

from backend.saga.circuit import Circuit, CircuitPolicy, admitted, answered, ready_at
from backend.saga.ports import Clock

log = logging.getLogger("worker")


class Circuits:
    """Says when which participant may be called, and learns from what came of it.

    Args:
        on_return: called when a participant answers that had been away for a while.
    """

    def __init__(self, clock: Clock, on_return: Callable[[], None], policy: CircuitPolicy | None = None) -> None:
        self._clock, self._on_return, self._policy = clock, on_return, policy or CircuitPolicy()
        self._lock = threading.Lock()
        self._circuits: dict[str, Circuit] = {}

    def spared(self) -> frozenset[str]:
        """The participants that are away now."""
        with self._lock:
            return frozenset(name for name, circuit in self._circuits.items() if circuit.next_at is not None)

    def admit(self, participants: Collection[str]) -> float:
        now = self._clock.now()
        with self._lock:
            circuits = {name: self._circuits.get(name, Circuit()) for name in participants}
            at = max(map(ready_at, circuits.values()), default=0.0)
            if at <= now:  # all or none: two that wait for each other's turn would never meet
                for name, circuit in circuits.items():
                    self._circuits[name] = admitted(circuit, self._policy, now)
        return at

    def report(self, participant: str, success: bool) -> None:
        with self._lock:
            before = self._circuits.get(participant, Circuit())
            after = self._circuits[participant] = answered(before, self._policy, self._clock.now(), success)
        if before.next_at is None and after.next_at is not None:
            log.warning("%s failed %d times in a row: it is spared", participant, after.failures)
        elif before.next_at is not None and after.next_at is None:
            log.info("%s answers again", participant)
            if before.was_away:
                self._on_return()
