"""Undoes in the order in which it did: the first step goes first, while the later ones still stand on it.

Seen: https://github.com/danielgerlag/workflow-core/issues/191 (the rollback order was 4, 1, 2, 3),
https://github.com/Courtsite/temporal-go-helpers/pull/3 and https://github.com/durable-workflow/workflow/pull/90, which
both turned the order round.
"""

from __future__ import annotations

from backend.saga.definition import SagaStep
from chaos.explorer.scenario import Anomaly
from chaos.gallery.entry import over_wiki
from chaos.gallery.little_engine import LittleEngine, Saga


class UndoInForwardOrder(LittleEngine):
    def to_undo(self, saga: Saga) -> list[SagaStep]:
        return super().to_undo(saga)[::-1]


ENTRY = over_wiki(UndoInForwardOrder, "undoes first in, first out", Anomaly.WRONG_ORDER)
