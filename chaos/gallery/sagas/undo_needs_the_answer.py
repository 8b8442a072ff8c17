"""The compensation finds what it has to undo in the action's answer: when the answer was lost it finds nothing to do.

Seen: https://github.com/go-to-k/cdkd/issues/1710: a create that failed after its effect leaves no id in the journal,
so the rollback skips it. Ids that are chosen before the first call cannot be lost.
"""

from __future__ import annotations

from backend.saga.definition import StepContext
from chaos.explorer.scenario import Anomaly
from chaos.gallery.items import ItemClient
from chaos.gallery.writing import entry


class UndoNeedsTheAnswer(ItemClient):
    def undo(self, context: StepContext, item: str) -> None:
        if context.result is not None:
            super().undo(context, context.result["item"])


ENTRY = entry(UndoNeedsTheAnswer, "undoes by what the action answered", Anomaly.ORPHAN)
