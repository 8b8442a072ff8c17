"""Undoes only the steps that it knows to be done: a step whose answer was lost happened, and stays.

Seen: the usual recipe is to push a compensation once its step has returned, and libraries ask for it in so many words
(https://docs.rs/durable-workflow/2.0.0/durable_workflow/struct.Saga.html). Temporal's own samples had it the same way
until https://github.com/temporalio/temporal-compensating-transactions/pull/4 moved each compensation before its step,
because a step may have run although it returned an error.
"""

from __future__ import annotations

from backend.saga.definition import SagaStep
from chaos.explorer.scenario import Anomaly
from chaos.gallery.entry import over_wiki
from chaos.gallery.little_engine import LittleEngine, Saga, T


class UndoOnlyCompleted(LittleEngine):
    def to_undo(self, saga: Saga) -> list[SagaStep]:
        return [step for step in super().to_undo(saga) if saga.has(T.STEP_DONE, step)]


ENTRY = over_wiki(UndoOnlyCompleted, "undoes only the steps that it knows to be done", Anomaly.ORPHAN)
