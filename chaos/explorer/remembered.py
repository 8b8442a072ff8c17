"""Participants that remember: each distinct request in each distinct state runs for real once, and never again.

A participant is a function: its state and a request (and the answers to the calls that it makes itself) give its answer
and its next state. So what an app did once it need not do again for the next ten thousand schedules:

    state ──request──▶ [asks another participant ──answer──▶ …] ──▶ its answer, next state

A state is a picture of the app's folder, as ``kill -9`` would leave it; two pictures with the same content are one
state. When something happens that never did before, the folder is put back to the state and the real app is called.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from chaos.explorer.wire import Answer, Ask, NoAnswer, Request

Image = dict[str, bytes | None]
"""A folder: relative path to content; None is an empty folder."""
T = TypeVar("T")


class Machine(Protocol):
    """A participant that can be stopped, put back and asked: see ``machines.AppOnFolder``."""

    name: str
    address: str

    def open(self) -> None:
        """Start from the folder as it is."""

    def call(self, request: Request, ask: Ask, *, disk_full: bool = False) -> Answer:
        """Do the request for real; ``ask`` carries the calls that it makes itself."""

    def image(self) -> Image:
        """The folder as a kill at this instant would leave it."""

    def fingerprint(self) -> str:
        """Equal for two folders exactly when the participant could not tell them apart."""

    def restore(self, image: Image) -> None:
        """Stop, put the folder back, start."""

    def restart(self, image: Image) -> None:
        """The same after a kill: for whoever keeps something in memory, it is gone now and only now."""

    def close(self) -> None: ...


@dataclass
class State:
    """One state of one participant, and everything that is known to follow from it."""

    number: int
    image: Image
    steps: dict[Hashable, Step] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Asks:
    """In the middle of a request: it calls another participant, and goes on according to the answer."""

    address: str
    request: Request
    timeout: float
    then: dict[Hashable, Step] = field(default_factory=dict)


@dataclass(frozen=True)
class Ends:
    """The request is answered."""

    answer: Answer
    state: State


Step = Asks | Ends


class Remembered:
    """One participant of a simulated system.

    Attributes:
        state: where it is in the present run.
        real_calls: how often the real app was called.
    """

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.name, self.address = machine.name, machine.address
        self._known: dict[str, State] = {}
        machine.open()
        self.state = self._look()
        self._real_state: State | None = self.state
        self.real_calls = 0

    def call(self, request: Request, ask: Ask, *, disk_full: bool = False) -> Answer:
        """What the participant answers now; its state moves on."""
        key = (request.key, disk_full)
        step = self.state.steps.get(key)
        answers: list[Answer | NoAnswer] = []
        while isinstance(step, Asks):
            answer = _asked(ask, step)
            answers.append(answer)
            step = step.then.get(_key(answer))
        if step is None:
            step = self._for_real(key, request, ask, answers, disk_full)
        self.state = step.state
        return step.answer

    def kill(self) -> None:
        """``kill -9``, and a restart from the folder."""
        step = self.state.steps.get("kill")
        if step is None:
            self._bring_here(again=True)
            step = self.state.steps["kill"] = Ends(Answer(0), self._look())
            self._real_state = step.state
        if isinstance(step, Ends):
            self.state = step.state

    def fact(self, name: str, collect: Callable[[Machine], T]) -> T:
        """Something about the present state, looked at once per state; ``collect`` changes nothing."""
        if name not in self.state.facts:
            self._bring_here()
            self.state.facts[name] = collect(self.machine)
        found: T = self.state.facts[name]
        return found

    def close(self) -> None:
        self.machine.close()

    def _for_real(
        self, key: Hashable, request: Request, ask: Ask, known: list[Answer | NoAnswer], disk_full: bool
    ) -> Ends:
        """Call the app. The answers that this run gave it already are given again; what it asks then is asked."""
        self._bring_here()
        before, asked = self.state, list[Asks]()
        given = list[Answer | NoAnswer]()

        def answer_to(address: str, inner: Request, timeout: float) -> Answer:
            asks = Asks(address, inner, timeout)
            answer = known[len(given)] if len(given) < len(known) else _asked(ask, asks)
            asked.append(asks)
            given.append(answer)
            if isinstance(answer, NoAnswer):
                raise answer
            return answer

        self.real_calls += 1
        answer = self.machine.call(request, answer_to, disk_full=disk_full)
        # Requests that may change nothing are trusted to: looking at the whole folder again would cost more than them.
        after = before if request.method in ("GET", "HEAD") and not disk_full else self._look()
        self._real_state = after
        end = Ends(answer, after)
        _remember(before.steps, key, asked, given, end)
        return end

    def _bring_here(self, *, again: bool = False) -> None:
        if again or self._real_state is not self.state:
            self._real_state = None  # a restart that fails leaves it nowhere
            (self.machine.restart if again else self.machine.restore)(self.state.image)
            self._real_state = self.state

    def _look(self) -> State:
        print_ = self.machine.fingerprint()
        if print_ not in self._known:
            self._known[print_] = State(len(self._known), self.machine.image())
        return self._known[print_]


def _asked(ask: Ask, step: Asks) -> Answer | NoAnswer:
    try:
        return ask(step.address, step.request, step.timeout)
    except NoAnswer as none:
        return none


def _key(answer: Answer | NoAnswer) -> Hashable:
    return answer.how if isinstance(answer, NoAnswer) else answer


def _remember(
    steps: dict[Hashable, Step], key: Hashable, asked: list[Asks], given: list[Answer | NoAnswer], end: Ends
) -> None:
    """Enter one conversation: where another one began the same way, it branches off."""
    for asks, answer in zip(asked, given, strict=True):
        known = steps.setdefault(key, asks)
        if not isinstance(known, Asks):
            raise AssertionError("a participant did two things in the same state: it cannot be remembered")
        steps, key = known.then, _key(answer)
    steps[key] = end
