"""Writes down that a step was started when it is over: a crash in between leaves an effect that nobody knows of.

Seen: https://github.com/osac-project/osac/pull/532 (the operator dies before the record of the job that it started is
durable), https://github.com/carina-rs/carina/issues/2950 (created, and never recorded in the state). Writing ahead is
older than both: Mohan and others, "ARIES" (ACM TODS 1992).
"""

from __future__ import annotations

from backend.saga.definition import SagaStep
from backend.saga.errors import Refused
from chaos.explorer.scenario import Anomaly
from chaos.gallery.entry import over_wiki
from chaos.gallery.little_engine import LittleEngine, Saga, T


class IntentAfterEffect(LittleEngine):
    def do(self, saga: Saga, step: SagaStep) -> bool:
        kind, more = T.STEP_DONE, {}
        try:
            more = {"result": self.call(step.action, saga, step)}
        except Exception as error:
            kind = T.STEP_REFUSED if isinstance(error, Refused) else T.STEP_UNCLEAR
            more = {"problem": str(error), "retry_at": None}
        self.note(saga, T.STEP_STARTED, step)
        self.note(saga, kind, step, **more)
        self.write(saga)
        return kind is T.STEP_DONE and not saga.has(T.CANCEL_REQUESTED)


ENTRY = over_wiki(IntentAfterEffect, "logs the intent after the effect", Anomaly.ORPHAN)
