"""Every step is confirmed as soon as it is done, without waiting for the pivot: then a later step fails.

Seen: https://github.com/dtm-labs/dtm/issues/562: confirms are called by hand as soon as the tries have gone well, and
cancels follow. That a confirm is final is argued in https://github.com/prontera/spring-cloud-rest-tcc/issues/20.
"""

from __future__ import annotations

from contextlib import suppress

from backend.saga.definition import SagaStep
from chaos.explorer.scenario import Anomaly
from chaos.gallery.entry import over_wiki
from chaos.gallery.little_engine import LittleEngine, Saga


class ConfirmEachStep(LittleEngine):
    def do(self, saga: Saga, step: SagaStep) -> bool:
        done = super().do(saga, step)
        if done:
            with suppress(Exception):  # it will be confirmed again in the end
                self.call(step.confirm, saga, step)
        return done


ENTRY = over_wiki(ConfirmEachStep, "confirms each step before the pivot", Anomaly.STUCK)
