"""An error of the server is taken for a no: it said that it failed, so nothing happened.

Seen: against what payment services write, that after a 500 nobody knows and the request is to be repeated under its
key (https://docs.stripe.com/error-low-level), and against the table of the Open Service Broker API, where a 5xx means
that an orphan may be there (https://github.com/cloudfoundry/servicebroker/issues/449).
"""

from __future__ import annotations

from backend.saga.definition import SagaStep
from chaos.explorer.scenario import Anomaly
from chaos.gallery.entry import over_wiki
from chaos.gallery.little_engine import LittleEngine, Saga, T


class ServerErrorIsNo(LittleEngine):
    def to_undo(self, saga: Saga) -> list[SagaStep]:
        return [step for step in super().to_undo(saga) if ": 50" not in _problem(saga, step)]


def _problem(saga: Saga, step: SagaStep) -> str:
    return str(saga.said_of(T.STEP_UNCLEAR, step).get("problem"))


ENTRY = over_wiki(ServerErrorIsNo, "takes a 5xx for a no", Anomaly.ORPHAN)
