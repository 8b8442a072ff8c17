"""No answer in time is taken for "it is on its way": the step counts as done, and may never have happened.

Seen: https://github.com/rucio/rucio/issues/1193 (suspects that requests which timed out at the server are taken for
successful by the client).
"""

from __future__ import annotations

from typing import Any

from backend.saga.definition import StepContext
from backend.saga.errors import Unclear
from chaos.explorer.scenario import Anomaly
from chaos.gallery.items import ItemClient
from chaos.gallery.writing import entry


class TimeoutIsDone(ItemClient):
    def write(self, context: StepContext, item: str, value: str) -> Any:
        try:
            return super().write(context, item, value)
        except Unclear as unclear:
            if "no answer in time" in str(unclear):
                return {"item": item}
            raise


ENTRY = entry(TimeoutIsDone, "takes a timeout for done", Anomaly.FALSE_COMMITTED)
