"""Participants are told to confirm, and then the commit is made durable: after a crash they are told to undo.

Seen: https://github.com/dtm-labs/dtm/issues/562 (a user confirms, and the coordinator, which knows of no commit,
cancels). That the commit record is forced before anybody is told of it is how two-phase commit is written down in
Mohan, Lindsay and Obermarck, "Transaction Management in the R* Distributed Database Management System" (ACM TODS
1986).
"""

from __future__ import annotations

from contextlib import suppress

from chaos.explorer.scenario import Anomaly
from chaos.gallery.entry import over_wiki
from chaos.gallery.little_engine import LittleEngine, Saga


class ConfirmBeforeCommit(LittleEngine):
    def commit(self, saga: Saga) -> None:
        for step in saga.definition.steps:
            with suppress(Exception):  # it will be confirmed again in the end
                self.call(step.confirm, saga, step)
        super().commit(saga)


ENTRY = over_wiki(ConfirmBeforeCommit, "confirms before the commit record is durable", Anomaly.STUCK)
