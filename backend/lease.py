"""Keeping the leases of one worker alive while it works."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection
from types import TracebackType

from backend.outage import Outage
from backend.saga.ports import Clock, SagaLog

IMPLAUSIBLE = 10  # leases; whoever's lease ends later than so many from now had a clock that was wrong


def latest_end(lease: float, now: float) -> float:
    """When a lease ends at the latest, if the clock was right that gave it; wall-clock seconds.

    A worker whose clock was ahead leaves leases that end far in the future. If it was killed meanwhile nobody corrects
    them, so they count as over; if it lives it is fenced off (R9).

    Args:
        lease: of whoever wants to take the saga over; seconds.
    """
    return now + IMPLAUSIBLE * lease


class Heartbeat:
    """While the ``with`` block runs, renews the leases of the sagas in hand, three times per lease.

    A worker that is paused longer than its lease finds it gone: its next write raises LeaseLost (R9).

    Args:
        in_hand: the ids of the sagas that ``worker`` drives now.
        outage: told when a renewal fails.
    """

    def __init__(
        self,
        saga_log: SagaLog,
        clock: Clock,
        worker: str,
        lease: float,
        in_hand: Callable[[], Collection[str]],
        outage: Outage | None = None,
    ) -> None:
        self.saga_log, self.clock, self.worker, self.lease = saga_log, clock, worker, lease
        self.in_hand = in_hand
        self.outage = outage or Outage()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="saga-heartbeat", daemon=True)

    def __enter__(self) -> Heartbeat:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._stopped.set()
        self._thread.join()

    def _beat(self) -> None:
        while not self._stopped.wait(self.lease / 3):
            try:
                if saga_ids := self.in_hand():
                    self.saga_log.renew(self.worker, self.lease, self.clock.now(), saga_ids)
            except Exception as error:  # a full disk must not end the heartbeat: the next one may find room
                self.outage.found(error)
