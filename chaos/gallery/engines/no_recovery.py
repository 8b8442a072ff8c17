"""Nobody takes over what a dead coordinator left: its sagas stay where they were, half done, for ever.

Seen: libraries that keep a saga in memory, and say so when asked: https://github.com/meadsteve/talepy/issues/17,
https://github.com/iamolegga/nestjs-saga/issues/505.
"""

from __future__ import annotations

from backend.saga.ports import SagaRecord
from chaos.explorer.scenario import Anomaly
from chaos.gallery.entry import over_wiki
from chaos.gallery.little_engine import FOR_EVER, LittleEngine, SagaState


class NoRecovery(LittleEngine):
    def take(self, record: SagaRecord) -> None:
        if record.state is SagaState.PENDING:
            super().take(record)
        else:
            self.log.release(record.saga_id, record.fence, FOR_EVER)


ENTRY = over_wiki(NoRecovery, "takes over nothing from a coordinator that died", Anomaly.LIMBO)
