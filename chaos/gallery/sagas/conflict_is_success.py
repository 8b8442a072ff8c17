"""A conflict is taken for "it is there already", which is as good as done: whoever it belongs to.

Seen: https://github.com/redpanda-data/seastar/pull/8 (a 409 tells that the user exists, so that nobody need look or
read the message). It is sound where only one can have made it, and a saga is never the only one.
"""

from __future__ import annotations

from typing import Any

from backend.saga.definition import StepContext
from backend.saga.errors import Refused
from chaos.explorer.scenario import Anomaly
from chaos.gallery.items import ItemClient
from chaos.gallery.writing import entry


class ConflictIsSuccess(ItemClient):
    def write(self, context: StepContext, item: str, value: str) -> Any:
        try:
            return super().write(context, item, value)
        except Refused as refused:
            if ": 409 " in str(refused):
                return {"item": item}
            raise


ENTRY = entry(ConflictIsSuccess, "takes a conflict for done", Anomaly.FALSE_COMMITTED)
