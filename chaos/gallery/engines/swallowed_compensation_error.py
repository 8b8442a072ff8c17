"""A compensation that failed is logged, in the other sense of the word, and the saga is reported as rolled back.

Seen: https://github.com/hadamrd/forge-loop/issues/301 (marked as compensated although a compensation never ran),
https://github.com/agentmuxai/agentmux/pull/636 (a review finds best-effort compensation behind the same word); an
option to go on after errors was asked for with the first saga class of Cadence,
https://github.com/cadence-workflow/cadence-java-client/pull/340.
"""

from __future__ import annotations

from contextlib import suppress

from backend.saga.definition import SagaStep
from chaos.explorer.scenario import Anomaly
from chaos.gallery.entry import over_items
from chaos.gallery.little_engine import LittleEngine, Saga, T


class SwallowedCompensationError(LittleEngine):
    def undo(self, saga: Saga, step: SagaStep) -> bool:
        self.note(saga, T.UNDO_STARTED, step)
        self.write(saga)
        with suppress(Exception):
            self.call(step.compensation, saga, step)
        self.note(saga, T.UNDO_DONE, step, result=None)
        return True


ENTRY = over_items(SwallowedCompensationError, "reports a failed compensation as done", Anomaly.ORPHAN, faults=2)
