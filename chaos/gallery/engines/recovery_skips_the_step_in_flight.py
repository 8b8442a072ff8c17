"""A rollback after a failure is right; one after a crash undoes what the log has as done, and forgets what was under
way.

Seen: https://github.com/pypatterns/python-cqrs/pull/47: recovery knows a step by its completion only, so a saga that
broke off in its first one has nothing to compensate.
"""

from __future__ import annotations

from backend.saga.definition import SagaStep
from chaos.explorer.scenario import Anomaly
from chaos.gallery.entry import over_wiki
from chaos.gallery.little_engine import LittleEngine, Saga, T


class RecoverySkipsTheStepInFlight(LittleEngine):
    def to_undo(self, saga: Saga) -> list[SagaStep]:
        over = {event.step for event in saga.events if event.type in (T.STEP_DONE, T.STEP_REFUSED, T.STEP_UNCLEAR)}
        return [step for step in super().to_undo(saga) if step.name in over]


ENTRY = over_wiki(
    RecoverySkipsTheStepInFlight, "recovers without the step that was under way at the crash", Anomaly.ORPHAN
)
