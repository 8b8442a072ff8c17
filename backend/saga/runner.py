"""The dumb loop around ``next_move``: it does what it is told and writes down what came of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, assert_never

from backend.saga.circuit import NoLimit
from backend.saga.decide import Begin, Commit, Confirm, Finish, Move, Park, Rest, Run, TurnBack, Undo, move_from
from backend.saga.definition import SagaDefinition, SagaStep, StepContext, call_step
from backend.saga.directions import ACTION, Direction, attempt_number, direction_of, goes_forward
from backend.saga.events import Event, EventType
from backend.saga.history import History, apply
from backend.saga.outcomes import Done, No, Outcome, Perhaps, outcome_of, outcome_of_result
from backend.saga.ports import Clock, Draw, Guard, LoggedEvent, SagaLog, Tell, Together
from backend.saga.state import SagaState

T = EventType
PARKED_RETRY, PARKED_RETRY_LONGEST = 60.0, 600.0
"""Seconds after which a parked saga tries again by itself (R10): 60, 120, 240, 480, 600, 600, ..."""


@dataclass
class OpenSaga:
    """A saga in the hands of the one who holds its lease.

    Attributes:
        deadline: wall-clock seconds after which no forward attempt begins, or None.
        announced: the calls that the log says have started and that were not made yet.
    """

    saga_id: str
    fence: int
    definition: SagaDefinition
    deadline: float | None = None
    history: History = field(default_factory=History)
    known_seq: int = 0
    first_attempts: dict[tuple[str, str], float] = field(default_factory=dict)
    announced: Run | Undo | Confirm | None = None

    def take_in(self, logged: Sequence[LoggedEvent]) -> None:
        """Catch up with what the log has."""
        for entry in logged:
            apply(self.history, entry.event)
            self.known_seq = entry.seq


class SagaRunner:
    """Drives one saga at a time to its end; any number of runners may work side by side on different sagas.

    Args:
        together: how the steps of one parallel group are called at the same time.
        tell: told of every event once it is logged.
        guard: asked before everything that is repeated until it succeeds: compensations, confirms, retriable steps.
    """

    def __init__(
        self, log: SagaLog, clock: Clock, draw: Draw, together: Together, tell: Tell, guard: Guard | None = None
    ) -> None:
        self.log, self.clock, self.draw, self.together, self.tell = log, clock, draw, together, tell
        self.guard = guard or NoLimit()

    def run(self, saga: OpenSaga, patience: float | None = None) -> float | None:
        """Drive ``saga`` until there is nothing to do, or until the next attempt is further off than ``patience``.

        Args:
            patience: seconds to wait for a retry before giving the saga back; None waits as long as it takes.

        Returns:
            None when the saga is closed or parked, else the time of the next attempt in wall-clock seconds.

        Raises:
            LeaseLost: somebody else took the saga over.
            DefinitionError: the saga began with other steps than its definition has.
        """
        saga.definition.must_go_on(saga.history.order)
        facts: list[Event] = []
        while True:
            due = self._write(saga, facts)
            facts = []
            move = move_from(saga.definition, saga.history)
            if isinstance(move, Rest):
                return saga.history.parked_until if saga.history.state is SagaState.FAILED else None
            if not isinstance(move, Run | Undo | Confirm):
                continue
            if move == saga.announced:
                facts = self._call(saga, move)
            elif due > self.clock.now():
                facts = self._gave_up_waiting(saga, move, due)
                if not facts and patience is not None and due > self.clock.now() + patience:
                    return due
                if not facts:
                    self.clock.sleep_until(due)

    def _write(self, saga: OpenSaga, facts: Sequence[Event]) -> float:
        """Log ``facts`` and whatever is decided by them, up to the announcement of the next calls, in one append.

        An operator may have written meanwhile: then the next look at the history decides anew, and calls that were
        announced and are not wanted any more are undone as if they had been made. Only a commit could not be taken
        back, so it is decided on what the log holds already.

        Returns:
            When the next calls are due, in wall-clock seconds, if they are not announced yet.
        """
        ahead, events, due = saga.history.copied(), list(facts), 0.0
        for event in facts:
            apply(ahead, event)
        saga.announced = None
        while not isinstance(move := move_from(saga.definition, ahead), Rest):
            if isinstance(move, Run | Undo | Confirm):
                if too_late := self._too_late(saga, ahead, move):
                    events.append(too_late)
                    apply(ahead, too_late)
                    continue
                due = self._due(saga, ahead, move)
                if due <= self.clock.now():
                    events += self._announce(saga, move)
                break
            if isinstance(move, Commit) and events:
                break
            event = self._decided(saga, ahead, move)
            events.append(event)
            apply(ahead, event)
        if events:
            self.record(saga, *events)
        return due

    def _due(self, saga: OpenSaga, history: History, move: Run | Undo | Confirm) -> float:
        """When the steps may be called: each at its own time, and then as soon as nobody has to be spared."""
        due = max((history.step(name).retry_at or 0.0 for name in move.steps), default=0.0)
        if due > self.clock.now() or goes_forward(history, move) or history.urgent:
            return due  # an operator who asks for a retry knows more than the guard does
        return self.guard.admit({saga.definition[name].called for name in move.steps})

    def _too_late(self, saga: OpenSaga, history: History, move: Run | Undo | Confirm) -> Event | None:
        """After the deadline no step begins: it counts as refused, for it is never called."""
        late = saga.deadline is not None and self.clock.now() >= saga.deadline
        new = [name for name in move.steps if not history.step(name).started]
        if not (late and new and goes_forward(history, move)):
            return None
        return self._event(T.STEP_REFUSED, new[0], {"problem": "the saga's deadline had passed before the step began"})

    def _gave_up_waiting(self, saga: OpenSaga, move: Move, due: float) -> list[Event]:
        """A compensation that is not even tried any more counts as exhausted after its time limit (R10)."""
        began = saga.history.rollback_began_at
        if not isinstance(move, Undo) or began is None:
            return []
        for step in (saga.definition[name] for name in move.steps):
            known, limit = saga.history.step(step.name), step.undo_retry.time_limit
            its_own_turn = (known.retry_at or 0.0) <= self.clock.now()
            if its_own_turn and limit is not None and due > began + limit:
                spared = f"{step.called} failed too often and was not called"
                return [self._event(T.UNDO_FAILED, step.name, {"problem": spared, "retry_at": None})]
        return []

    def _decided(self, saga: OpenSaga, history: History, move: Begin | TurnBack | Commit | Park | Finish) -> Event:
        """The event that is all of a move that calls nobody."""
        match move:
            case Begin():
                return self._event(T.BEGUN, data=_begin_record(saga))
            case TurnBack(reason, failed_step):
                return self._event(T.ROLLBACK_BEGAN, data={"reason": reason, "failed_step": failed_step})
            case Commit():
                return self._event(T.COMMITTED)
            case Park(step, problem):
                pause = min(PARKED_RETRY_LONGEST, PARKED_RETRY * 2.0 ** min(history.parks, 60))
                return self._event(T.PARKED, step, {"problem": problem, "retry_at": self.clock.now() + pause})
            case Finish(SagaState.ROLLED_BACK):
                return self._event(T.ROLLED_BACK, data={"error": history.error})
            case Finish():
                return self._event(T.FINISHED)
        assert_never(move)

    def record(self, saga: OpenSaga, *events: Event) -> None:
        """Append ``events``; take in what operators appended meanwhile; tell of each."""
        logged = self.log.append(saga.saga_id, saga.fence, saga.known_seq, events)
        for entry in logged:
            saga.take_in([entry])
            self.tell(saga.saga_id, entry.event, saga.history)

    def _announce(self, saga: OpenSaga, move: Run | Undo | Confirm) -> list[Event]:
        """The events that must be in the log before the steps are called (R1)."""
        started, now = direction_of(saga.history, move).started, self.clock.now()
        for name in move.steps:
            saga.first_attempts.setdefault((name, started), now)
        saga.announced = move
        return [self._event(started, name) for name in move.steps]

    def _call(self, saga: OpenSaga, move: Run | Undo | Confirm) -> list[Event]:
        """Call the steps together; what came of them."""
        saga.announced = None
        direction = direction_of(saga.history, move)
        steps = [saga.definition[name] for name in move.steps]
        calls = [self._attempt(saga, step, direction) for step in steps]
        outcomes = self.together(calls) if len(calls) > 1 else [calls[0]()]
        return [self._result(saga, step, direction, outcome) for step, outcome in zip(steps, outcomes, strict=True)]

    def _attempt(self, saga: OpenSaga, step: SagaStep, direction: Direction) -> Callable[[], Outcome]:
        call = direction.call(step)
        if call is None:
            raise AssertionError(f"{step.name} has nothing to call")
        known = saga.history.step(step.name)
        context = StepContext(
            saga_id=saga.saga_id,
            step=step.name,
            attempt=attempt_number(saga.history.step(step.name), direction),
            timeout=self._timeout(saga, step, direction),
            result=known.result,
            results=saga.history.results,
        )

        def attempt() -> Outcome:
            try:
                outcome = outcome_of_result(call_step(call, context), needed=direction is ACTION)
            except Exception as error:  # every failure is one of the three outcomes (R2)
                outcome = outcome_of(error)
            if direction is not ACTION:
                self.guard.report(step.called, isinstance(outcome, Done))
            return outcome

        return attempt

    def _timeout(self, saga: OpenSaga, step: SagaStep, direction: Direction) -> float:
        if saga.deadline is None or not direction.bound_by_deadline:
            return step.timeout
        return max(0.1, min(step.timeout, saga.deadline - self.clock.now()))

    def _result(self, saga: OpenSaga, step: SagaStep, direction: Direction, outcome: Outcome) -> Event:
        match outcome:
            case Done(result):
                return self._event(direction.done, step.name, {"result": result})
            case No(problem) if direction.refused is T.STEP_REFUSED:
                return self._event(direction.refused, step.name, {"problem": problem})
            case No(problem):  # a compensation or confirm that was refused: there is nothing else to try but again
                return self._failed(saga, step, direction, problem, None)
            case Perhaps(problem, retry_after):
                return self._failed(saga, step, direction, problem, retry_after)
        assert_never(outcome)

    def _failed(
        self, saga: OpenSaga, step: SagaStep, direction: Direction, problem: str, retry_after: float | None
    ) -> Event:
        retry_at = direction.policy(step).next_attempt_at(
            attempt_number(saga.history.step(step.name), direction),
            now=self.clock.now(),
            first_at=saga.first_attempts[step.name, direction.started],
            draw=self.draw(),
            deadline=saga.deadline if direction.bound_by_deadline else None,
            retry_after=retry_after,
        )
        return self._event(direction.failed, step.name, {"problem": problem, "retry_at": retry_at})

    def _event(self, kind: EventType, step: str | None = None, data: dict[str, Any] | None = None) -> Event:
        return Event(kind, self.clock.now(), step, data or {})


def _begin_record(saga: OpenSaga) -> dict[str, Any]:
    return {
        "deadline": saga.deadline,
        "steps": [
            {
                "name": step.name,
                "kind": str(step.kind),
                "group": step.parallel_group,
                "undo": step.compensation is not None,
                "intent": step.intent,
            }
            for step in saga.definition.steps
        ],
    }
