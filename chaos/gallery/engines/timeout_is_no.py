"""No answer in time is taken for a no: nothing happened, so there is nothing to undo.

Seen: https://github.com/kubernetes-sigs/vsphere-csi-driver/issues/2507 (volumes leak when the request for them times
out). The Open Service Broker API has a table of who must clean up after which answer, and one of its entries was under
dispute for the same reason: https://github.com/cloudfoundry/servicebroker/issues/449.
"""

from __future__ import annotations

from backend.saga.definition import SagaStep
from chaos.explorer.scenario import Anomaly
from chaos.gallery.entry import over_wiki
from chaos.gallery.little_engine import LittleEngine, Saga, T


class TimeoutIsNo(LittleEngine):
    def to_undo(self, saga: Saga) -> list[SagaStep]:
        return [step for step in super().to_undo(saga) if "no answer in time" not in _problem(saga, step)]


def _problem(saga: Saga, step: SagaStep) -> str:
    return str(saga.said_of(T.STEP_UNCLEAR, step).get("problem"))


ENTRY = over_wiki(TimeoutIsNo, "takes a timeout for a no", Anomaly.ORPHAN)
