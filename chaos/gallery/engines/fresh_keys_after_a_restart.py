"""Keys are made by the process, not by the saga: the one that takes over undoes under keys that nobody has ever seen.

Seen: https://github.com/tinyhumansai/opencompany/issues/529 (the ledger of keys is not durable, so a run after a crash
begins anew), https://github.com/ablative-io/aion/issues/208 (a restart of the server doubled an effect in spite of
keys).
"""

from __future__ import annotations

from dataclasses import replace

from backend.saga.definition import SagaStep, StepContext
from chaos.explorer.scenario import Anomaly
from chaos.gallery.entry import over_items
from chaos.gallery.little_engine import LittleEngine, Saga


class FreshKeysAfterARestart(LittleEngine):
    def context(self, saga: Saga, step: SagaStep) -> StepContext:
        context = super().context(saga, step)
        return replace(context, saga_id=f"{context.saga_id}-{saga.record.fence}")


ENTRY = over_items(FreshKeysAfterARestart, "makes new keys when it takes a saga over", Anomaly.ORPHAN)
