"""The client hears of the success, and then it is made durable: a crash in between, and the success is rolled back.

Seen: https://github.com/nats-io/nats-server/issues/7564 (acknowledged writes that a crash loses),
https://github.com/samyama-ai/samyama-graph/pull/1275 (a commit was acknowledged whether or not it could be persisted).
"""

from __future__ import annotations

from chaos.explorer.scenario import Anomaly
from chaos.gallery.entry import over_wiki
from chaos.gallery.little_engine import LittleEngine, Saga


class SuccessBeforeCommit(LittleEngine):
    def commit(self, saga: Saga) -> None:
        self.tell(saga, "success")
        super().commit(saga)


ENTRY = over_wiki(
    SuccessBeforeCommit, "reports the success before the commit record is durable", Anomaly.FALSE_COMMITTED
)
