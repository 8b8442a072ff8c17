"""A compensation that is refused is given up at once, also when all that was wrong was a token that had expired.

Seen: https://github.com/pulumi/pulumi-azure-native/issues/860 (a deletion outlives its token and stops half way),
https://github.com/shakacode/control-plane-flow/issues/128 (tokens that expire during the cleanup).
"""

from __future__ import annotations

from backend.saga.errors import Refused
from chaos.explorer.scenario import Anomaly
from chaos.gallery.entry import over_items
from chaos.gallery.little_engine import LittleEngine


class RefusalOfAnUndoIsFinal(LittleEngine):
    def is_final(self, error: Exception) -> bool:
        return isinstance(error, Refused)


ENTRY = over_items(RefusalOfAnUndoIsFinal, "gives up a compensation that is refused once", Anomaly.STUCK, faults=2)
