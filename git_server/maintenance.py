"""What has to be done now and then: redo what a killed process left, drop old barrier records, prune and repack."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from git_server.errors import RepositoryUnavailable
from git_server.store import SnapshotStore

log = logging.getLogger(__name__)

FORGET_EVERY = 600.0  # seconds between two looks for old barrier records


class Maintenance:
    """Housekeeping of one git_server process; what another process is busy with is left to that process.

    Args:
        retention: seconds that the barrier remembers a closed saga.
        grace: seconds that unreachable objects stay, for clones that are under way.
        clock: wall-clock seconds.
    """

    def __init__(
        self, store: SnapshotStore, retention: float, grace: float, clock: Callable[[], float] = time.time
    ) -> None:
        self._store = store
        self._retention = retention
        self._grace = grace
        self._clock = clock
        self._turn = threading.Lock()
        self._next_forget = 0.0

    def start_up(self) -> None:
        """Apply everything that was decided before a crash, then tidy every project."""
        for project in self._store.ledger.unsettled_projects():
            self._unless_busy(self._store.settle, project)
        for project in self._store.repositories.projects():
            self.tidy(project)
        self.forget()

    def tidy(self, project: str) -> None:
        """Prune and repack the project's repository if it is due."""
        self._unless_busy(lambda name: self._store.clean(name, self._grace, self._clock()), project)

    def forget(self) -> None:
        """Drop the barrier records of long closed sagas, at most once in FORGET_EVERY seconds."""
        with self._turn:
            if self._clock() < self._next_forget:
                return
            self._next_forget = self._clock() + FORGET_EVERY
        gone = self._store.ledger.forget(self._retention)
        if gone:
            log.info("forgot %d closed sagas", gone)

    def _unless_busy(self, work: Callable[[str], None], project: str) -> None:
        try:
            work(project)
        except RepositoryUnavailable as busy:
            log.warning("housekeeping of %s is left for later: %s", project, busy.detail)
