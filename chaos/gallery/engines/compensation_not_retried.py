"""A compensation is tried once: a moment without the network, and the rollback is over before its end.

Seen: https://github.com/eventuate-tram/eventuate-tram-sagas/issues/75: a compensation that answers with a failure is
not provided for, and the saga's message handling breaks.
"""

from __future__ import annotations

from chaos.explorer.scenario import Anomaly
from chaos.gallery.entry import over_items
from chaos.gallery.little_engine import LittleEngine


class CompensationNotRetried(LittleEngine):
    def is_final(self, error: Exception) -> bool:
        return True


ENTRY = over_items(CompensationNotRetried, "tries a compensation once", Anomaly.STUCK, faults=2)
