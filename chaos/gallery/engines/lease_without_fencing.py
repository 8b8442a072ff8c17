"""Whoever once had the lease writes on: it ended while its holder stood still, another one took over, both sure.

Seen: https://martin.kleppmann.com/2016/02/08/how-to-do-distributed-locking.html (a pause of the garbage collector that
is longer than the lease), https://github.com/awslabs/amazon-dynamodb-lock-client/issues/1 (no fencing in a published
lock). The participants' barrier is a fence as well, so only what is between the last call and the commit gets through.
"""

from __future__ import annotations

from backend.saga.errors import LeaseLost
from chaos.explorer.scenario import Anomaly
from chaos.gallery.entry import over_items
from chaos.gallery.little_engine import LittleEngine, Saga


class LeaseWithoutFencing(LittleEngine):
    def write(self, saga: Saga) -> None:
        try:
            super().write(saga)
        except LeaseLost:
            self.append(saga, self.log.get(saga.record.saga_id).fence)


ENTRY = over_items(LeaseWithoutFencing, "writes on when its lease is over", Anomaly.LOST_UPDATE)
