"""A saga's surroundings for tests: a clock that jumps instead of waiting, and participants that do as they are told."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any

from backend.saga.definition import SagaDefinition, SagaStep, StepContext
from backend.saga.errors import Refused, Unclear
from backend.saga.events import Event, EventType
from backend.saga.ports import NewSaga
from backend.saga.runner import OpenSaga, SagaRunner
from backend.saga_log.memory import MemorySagaLog


class JumpingClock:
    """Sleeping moves the time; nothing waits."""

    def __init__(self, start: float = 1000.0) -> None:
        self.time = start
        self.slept: list[float] = []

    def now(self) -> float:
        return self.time

    def sleep_until(self, at: float) -> None:
        if at > self.time:
            self.slept.append(at - self.time)
            self.time = at


class World:
    """Participants whose answers are scripted: per call name a list of exceptions to raise first, then success."""

    def __init__(self) -> None:
        self.script: dict[str, list[Exception]] = defaultdict(list)
        self.calls: list[str] = []
        self.effects: set[str] = set()
        self.watch: Callable[[str], None] = lambda call: None

    def step(self, name: str, **more: Any) -> SagaStep:
        confirm = self._call("confirm", name, None) if more.pop("confirmed", False) else None
        return SagaStep(
            name,
            self._call("do", name, self.effects.add),
            self._call("undo", name, self.effects.discard),
            confirm,
            **more,
        )

    def _call(self, verb: str, name: str, effect: Callable[[str], None] | None) -> Callable[[StepContext], str]:
        def call(context: StepContext) -> str:
            self.calls.append(f"{verb} {name}")
            self.watch(f"{verb} {name}")
            pending = self.script[f"{verb} {name}"]
            failure = pending.pop(0) if pending else None
            if effect and not isinstance(failure, Refused):  # an unclear answer hides an effect that happened
                effect(name)
            if failure:
                raise failure
            return f"{verb} {name} {context.idempotency_key}"

        return call


def open_saga(
    steps: Sequence[SagaStep], log: MemorySagaLog, clock: JumpingClock, deadline: float | None = None
) -> OpenSaga:
    """A saga entered into ``log`` and claimed."""
    log.create(NewSaga("s", "test", "p", "u", {}), Event(EventType.REQUESTED, clock.now()))
    return claim_again(steps, log, clock, deadline)


def claim_again(
    steps: Sequence[SagaStep], log: MemorySagaLog, clock: JumpingClock, deadline: float | None = None
) -> OpenSaga:
    """Claim the saga (again, as after a crash, once its lease is over)."""
    record = log.claim("s", f"worker-{log.get('s').fence}", 0.0, clock.now())
    saga = OpenSaga("s", record.fence, SagaDefinition(tuple(steps)), deadline)
    saga.take_in(log.events("s"))
    return saga


def a_runner(log: MemorySagaLog, clock: JumpingClock, lines: list[str] | None = None) -> SagaRunner:
    """A runner on one thread that draws the longest wait."""
    from backend.saga.narrate import narrate

    def tell(saga_id: str, event: Event, history: Any) -> None:
        if lines is not None:
            lines.extend(f"[{saga_id}] {line.text}" for line in narrate(event, history))

    return SagaRunner(log, clock, lambda: 1.0, lambda calls: [call() for call in calls], tell)


NO = Refused("no")
NO_ANSWER = Unclear("no answer in time")
