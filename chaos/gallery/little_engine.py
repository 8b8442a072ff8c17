"""A saga engine on one page, and right: the wrong ones in ``engines`` override one method of it each.

It runs the steps of a ``SagaDefinition`` over a saga log, as the project's own engine does, and makes the same durable
writes at the same places. What it leaves out is what makes an engine pleasant, not what makes it right: it does not try
an action twice, does not run steps side by side, and parks a stuck rollback without ever trying it again.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from backend.saga.definition import SagaDefinition, SagaStep, StepCall, StepContext, call_step
from backend.saga.errors import LeaseLost, Refused
from backend.saga.events import Event, EventType
from backend.saga.ports import Clock, SagaLog, SagaRecord
from backend.saga.state import SagaState

T = EventType
UNDO_ATTEMPTS = 5
PAUSE = 1.0  # seconds between attempts
FOR_EVER = float(2**53)


@dataclass
class Saga:
    """A saga in the hands of the coordinator that holds its lease.

    Attributes:
        events: what the log has, and what is pending.
        known_seq: the newest event that we have seen in the log.
        pending: what comes with the next durable write.
    """

    record: SagaRecord
    definition: SagaDefinition
    events: list[Event]
    known_seq: int
    pending: list[Event] = field(default_factory=list)

    def has(self, kind: EventType, step: SagaStep | None = None) -> bool:
        """Whether this is in the log."""
        return any(event.type is kind and (step is None or event.step == step.name) for event in self.events)

    def steps_with(self, kind: EventType) -> list[SagaStep]:
        """The steps that have this in the log, in the saga's order."""
        return [step for step in self.definition.steps if self.has(kind, step)]

    def said_of(self, kind: EventType, step: SagaStep) -> dict[str, Any]:
        """The data of the step's newest event of this kind; empty when there is none."""
        return next((dict(e.data) for e in reversed(self.events) if e.type is kind and e.step == step.name), {})


class LittleEngine:
    """One coordinator.

    Args:
        name: who holds the leases.
        lease: seconds.
        told: what the client was told, by saga id; it remembers what it was told first.
    """

    def __init__(
        self,
        log: SagaLog,
        clock: Clock,
        name: str,
        lease: float,
        saga_type: str,
        definition_of: Callable[[SagaRecord], SagaDefinition],
        told: dict[str, str],
    ) -> None:
        self.log, self.clock, self.name, self.lease = log, clock, name, lease
        self.saga_type, self.definition_of, self.told = saga_type, definition_of, told

    def work(self) -> None:
        """Run what was asked for and recover what others left (R9), until there is nothing left to do."""
        while True:
            while record := self.log.claim_next(self.name, self.lease, self.clock.now(), (self.saga_type,)):
                with suppress(LeaseLost):  # then it is somebody else's
                    self.take(record)
            others = [one for one in self.log.find(open_only=True) if one.wake_at < FOR_EVER]
            if not others:
                return
            self.clock.sleep_until(max(self.clock.now() + PAUSE, min(one.lease_until for one in others)))

    def take(self, record: SagaRecord) -> None:
        """Drive one saga as far as it goes."""
        logged = self.log.events(record.saga_id)
        saga = Saga(record, self.definition_of(record), [entry.event for entry in logged], logged[-1].seq)
        try:
            if saga.has(T.COMMITTED):
                self.go_forward(saga)
            elif saga.has(T.BEGUN):
                self.go_back(saga, "the coordinator that ran it was lost")
            else:
                self.run(saga)
        except OSError:  # the log's disk: give the saga back, and begin again with what the log has
            self.log.release(record.saga_id, record.fence, self.clock.now())

    # Forward

    def run(self, saga: Saga) -> None:
        """All steps, then the commit; or back."""
        self.note(saga, T.BEGUN, deadline=None, steps=_intents(saga.definition))
        for step in saga.definition.steps:
            if not self.do(saga, step):
                return self.go_back(saga, f"{step.name} failed", step)
        self.write(saga)
        if saga.has(T.CANCEL_REQUESTED):
            return self.go_back(saga, "it was cancelled")
        return self.commit(saga)

    def do(self, saga: Saga, step: SagaStep) -> bool:
        """One action: its intent is durable before it is called (R1). Returns whether it is done."""
        self.note(saga, T.STEP_STARTED, step)
        self.write(saga)
        if saga.has(T.CANCEL_REQUESTED):
            return False
        try:
            result = self.call(step.action, saga, step)
        except Exception as error:  # anything but a definite no is unclear (R2)
            kind = T.STEP_REFUSED if isinstance(error, Refused) else T.STEP_UNCLEAR
            self.note(saga, kind, step, problem=f"{type(error).__name__}: {error}", retry_at=None)
            return False
        self.note(saga, T.STEP_DONE, step, result=result)
        return True

    def commit(self, saga: Saga) -> None:
        """The commit record is durable before anybody hears of it (R8)."""
        self.note(saga, T.COMMITTED)
        self.announce_confirms(saga)
        self.tell(saga, "success")
        self.go_forward(saga)

    def go_forward(self, saga: Saga) -> None:
        """Confirm until everybody has answered (R8)."""
        while not self.confirm(saga):
            self.write(saga)
            self.clock.sleep_until(self.clock.now() + PAUSE)
            self.announce_confirms(saga)
        self.note(saga, T.FINISHED)
        self.write(saga)

    def announce_confirms(self, saga: Saga) -> None:
        """The intent of the confirms that are still to be called."""
        for step in self.unconfirmed(saga):
            self.note(saga, T.CONFIRM_STARTED, step)
        self.write(saga)

    def confirm(self, saga: Saga) -> bool:
        """Call the confirms that were not answered yet. Returns whether all are now."""
        failed = False
        for step in self.unconfirmed(saga):
            try:
                self.note(saga, T.CONFIRM_DONE, step, result=self.call(step.confirm, saga, step))
            except Exception as error:
                failed = True
                self.note(saga, T.CONFIRM_FAILED, step, problem=str(error), retry_at=self.clock.now() + PAUSE)
        return not failed

    def unconfirmed(self, saga: Saga) -> list[SagaStep]:
        """The steps whose confirm is still to be called."""
        return [step for step in saga.definition.steps if step.confirm and not saga.has(T.CONFIRM_DONE, step)]

    # Back

    def go_back(self, saga: Saga, reason: str, failed: SagaStep | None = None) -> None:
        """Undo everything that may have happened; a rollback that is stuck is parked (R10)."""
        if not saga.has(T.ROLLBACK_BEGAN):
            self.note(saga, T.ROLLBACK_BEGAN, reason=reason, failed_step=failed and failed.name)
        for step in self.to_undo(saga):
            if not self.undo(saga, step):
                return self.park(saga, step)
        self.note(saga, T.ROLLED_BACK, error=reason)
        self.write(saga)
        return self.tell(saga, "failed")

    def to_undo(self, saga: Saga) -> list[SagaStep]:
        """Every step that started (R4) and is not undone yet, last in, first out (R5)."""
        return [step for step in reversed(saga.steps_with(T.STEP_STARTED)) if not saga.has(T.UNDO_DONE, step)]

    def undo(self, saga: Saga, step: SagaStep) -> bool:
        """One compensation, until it is answered or attempts run out."""
        for _ in range(UNDO_ATTEMPTS):
            self.note(saga, T.UNDO_STARTED, step)
            self.write(saga)
            try:
                self.note(saga, T.UNDO_DONE, step, result=self.call(step.compensation, saga, step))
                return True
            except Exception as error:
                self.note(saga, T.UNDO_FAILED, step, problem=str(error), retry_at=self.clock.now() + PAUSE)
                if self.is_final(error):
                    return False
                self.write(saga)
                self.clock.sleep_until(self.clock.now() + PAUSE)
        return False

    def is_final(self, error: Exception) -> bool:
        """Whether a compensation that failed with this will fail for ever; there is no way to know."""
        return False

    def park(self, saga: Saga, step: SagaStep) -> None:
        """A dead letter; nobody tries it again."""
        self.note(saga, T.PARKED, step, problem=saga.said_of(T.UNDO_FAILED, step).get("problem"), retry_at=None)
        self.write(saga)
        self.log.release(saga.record.saga_id, saga.record.fence, FOR_EVER)
        self.tell(saga, "failed")

    # What all of it is made of

    def call(self, call: StepCall | None, saga: Saga, step: SagaStep) -> Any:
        """Call a participant. Raises what the call raises."""
        return None if call is None else call_step(call, self.context(saga, step))

    def context(self, saga: Saga, step: SagaStep) -> StepContext:
        """What a call may know; its key is the same whoever calls, and however often (R3)."""
        result = saga.said_of(T.STEP_DONE, step).get("result")
        return StepContext(saga.record.saga_id, step.name, attempt=1, timeout=step.timeout, result=result)

    def note(self, saga: Saga, kind: EventType, step: SagaStep | None = None, **data: Any) -> None:
        """Say what happened or will; it is durable with the next ``write``."""
        event = Event(kind, self.clock.now(), step.name if step else None, data)
        saga.pending.append(event)
        saga.events.append(event)

    def write(self, saga: Saga) -> None:
        """Make what was noted durable, if we still hold the saga: a newer fence keeps us out (R9)."""
        if saga.pending:
            self.append(saga, saga.record.fence)

    def append(self, saga: Saga, fence: int) -> None:
        """Write under this fence, and take in what operators wrote meanwhile. Raises LeaseLost."""
        logged = self.log.append(saga.record.saga_id, fence, saga.known_seq, saga.pending)
        saga.events += [entry.event for entry in logged if entry.event not in saga.pending]
        saga.known_seq = logged[-1].seq
        saga.pending.clear()

    def tell(self, saga: Saga, status: str) -> None:
        """The client hears how it ended."""
        self.told.setdefault(saga.record.saga_id, status)


def _intents(definition: SagaDefinition) -> list[dict[str, Any]]:
    return [
        {"name": step.name, "kind": str(step.kind), "group": step.parallel_group, "intent": step.intent}
        for step in definition.steps
    ]


__all__ = ["LittleEngine", "Saga", "SagaState", "T"]
