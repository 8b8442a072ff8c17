"""A saga is a list of steps that one can read aloud."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from types import FunctionType
from typing import Any

from backend.saga import limits
from backend.saga.errors import DefinitionError
from backend.saga.retry import BACKWARD, FORWARD, RetryPolicy
from backend.saga.state import StepKind

StepCall = Callable[..., Any]
"""Takes a StepContext or nothing; returns JSON values; raises Refused for a definite no, anything else is unclear.

So is an action's result that is not JSON; what else returns one is taken to have returned nothing.
"""


@dataclass(frozen=True)
class StepContext:
    """What a step's call may know.

    Attributes:
        idempotency_key: the same for every attempt of the same call (R3): ``<saga_id>:<step>``.
        attempt: counted from 1.
        timeout: seconds that this call may take.
        result: what the action returned, for compensation and confirm; None when that is not known (R4).
        results: what the steps before returned, by step name.
    """

    saga_id: str
    step: str
    attempt: int
    timeout: float
    result: Any = None
    results: Mapping[str, Any] = field(default_factory=dict)

    @property
    def idempotency_key(self) -> str:
        return f"{self.saga_id}:{self.step}"


@dataclass(frozen=True)
class SagaStep:
    """One step: what it does, how it is undone, how it is confirmed after the commit.

    Attributes:
        parallel_group: neighbouring steps of one group run and roll back together (R5).
        intent: what the action is about to change, as JSON values; it goes into the begin record (R13).
        timeout: seconds for one call.
        participant: who is called; while a participant is away, all its steps of all sagas share few calls (R10). By
            default the step stands for itself.

    Raises:
        ValueError: a name that the log has no room for.
    """

    name: str
    action: StepCall
    compensation: StepCall | None = None
    confirm: StepCall | None = None
    kind: StepKind = StepKind.COMPENSABLE
    parallel_group: str | None = None
    intent: Any = None
    retry: RetryPolicy = FORWARD
    undo_retry: RetryPolicy = BACKWARD
    timeout: float = 10.0
    participant: str = ""

    def __post_init__(self) -> None:
        limits.check("step name", self.name, limits.STEP, least=1)

    @property
    def called(self) -> str:
        """The name under which its calls are counted."""
        return self.participant or self.name


@dataclass(frozen=True)
class SagaDefinition:
    """The steps of one saga, in order. Construction checks that they make a saga.

    Raises:
        DefinitionError: no steps, a name twice, two pivots, a step of the wrong kind beside the pivot.
    """

    steps: tuple[SagaStep, ...]

    def __post_init__(self) -> None:
        names = [step.name for step in self.steps]
        if not names:
            raise DefinitionError("a saga needs at least one step: call add_step first")
        if len(set(names)) != len(names):
            raise DefinitionError("two steps have the same name")
        order = [list(StepKind).index(step.kind) for step in self.steps]
        if order != sorted(order) or order.count(1) > 1:
            raise DefinitionError("the order is: compensable steps, then one pivot at the most, then retriable steps")
        groups = [group for group, _ in groupby(self.steps, key=lambda step: step.parallel_group) if group is not None]
        if len(set(groups)) != len(groups):
            raise DefinitionError("the steps of one parallel_group must be neighbours")

    def __getitem__(self, name: str) -> SagaStep:
        return next(step for step in self.steps if step.name == name)

    def must_go_on(self, begun: Sequence[str]) -> None:
        """Raises DefinitionError: a saga that began with the steps ``begun`` is not this one.

        Its effects are known by the names of their steps; under other names they would stay, and nobody would know.
        """
        names = [step.name for step in self.steps]
        if begun and list(begun) != names:
            raise DefinitionError(f"the saga began with the steps {list(begun)}, and is to go on with {names}")

    @property
    def before_commit(self) -> tuple[SagaStep, ...]:
        """The steps up to and with the pivot."""
        return tuple(step for step in self.steps if step.kind is not StepKind.RETRIABLE)

    @property
    def after_commit(self) -> tuple[SagaStep, ...]:
        """The retriable steps."""
        return tuple(step for step in self.steps if step.kind is StepKind.RETRIABLE)

    def groups(self, steps: Iterable[SagaStep]) -> list[tuple[SagaStep, ...]]:
        """``steps`` in order, neighbours of one parallel group together, every other step alone."""
        keyed = [(step.parallel_group or f"\0{position}", step) for position, step in enumerate(steps)]
        return [tuple(step for _, step in run) for _, run in groupby(keyed, key=lambda pair: pair[0])]


def call_step(call: StepCall, context: StepContext) -> Any:
    """Call ``call`` with the context, or with nothing when it takes nothing."""
    return call(context) if _takes_context(call) else call()


def _takes_context(call: StepCall) -> bool:
    if isinstance(call, FunctionType) and not vars(call):  # nearly all are plain, and a signature takes its time
        return call.__code__.co_argcount > len(call.__defaults__ or ())
    try:
        parameters = inspect.signature(call).parameters.values()
    except (TypeError, ValueError):
        return False
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return any(p.kind in positional and p.default is inspect.Parameter.empty for p in parameters)
