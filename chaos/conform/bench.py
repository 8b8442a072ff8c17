"""What a check works with: fresh sagas, the server's calls, what a reader sees, races and hang-ups."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from chaos.conform.calls import Calls, Case
from chaos.conform.evidence import Exchange
from chaos.conform.registry import Broken, CannotTell
from chaos.conform.sight import Seen, comparable
from chaos.conform.spec import Spec
from chaos.conform.template import Template
from chaos.conform.together import release
from chaos.conform.wire import Answer, Request, abandon, send

BUSY = frozenset({409, 423, 425, 429, 503})  # "not now": a coordinator asks again
TRIES = 8
SETTLE = 0.3  # seconds that an abandoned request gets to take effect
LETTERS = "abcdefghijkmnpqrstuvwxyz23456789"


@dataclass
class Bench:
    """One server under test.

    Attributes:
        seed: chooses values, orders and the small delays in races.
        rounds: how often what depends on chance is repeated.
        timeout: seconds of silence after which an answer is given up.
        restart: stops the server, starts it again, and returns when it answers; None: nobody said how.
        evidence: what the running check sent and got.
        open: sagas that may have an effect, neither confirmed nor known to be undone.
    """

    calls: Calls
    seed: int
    rounds: int
    timeout: float
    restart: Callable[[], None] | None = None
    evidence: list[Exchange] = field(default_factory=list)
    open: dict[Case, None] = field(default_factory=dict)
    confirmed: dict[Case, None] = field(default_factory=dict)
    prepared: set[tuple[str, str]] = field(default_factory=set)
    requests: int = 0

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)
        self._cases = 0

    @property
    def spec(self) -> Spec:
        return self.calls.spec

    # Sagas and items

    def case(self, item: str | None = None) -> Case:
        """A saga that nobody has heard of, on an item of its own or on ``item``."""
        self._cases += 1
        name = f"{self.calls.prefix}-{self._cases}"
        value = "".join(self.random.choices(LETTERS, k=12))
        return Case(f"{name}-saga", item or f"{name}-item", f"{name}-saga:step", value)

    def over_a_former_value(self) -> Case:
        """A case on an item that has a value, which a saga wrote and, where the server can, confirmed."""
        former = self.case()
        self.acted(former)
        if self.spec.confirm:
            self._must("the confirm", self.confirm(former))
        return self.case(former.item)

    # The server's calls

    def act(self, case: Case, **special: Any) -> Answer:
        """Send the action. ``special``: as for ``call``."""
        self._begin(case)
        return self.call("action", case, **special)

    def undo(self, case: Case, **special: Any) -> Answer:
        """Send the compensation."""
        return self.call("compensation", case, **special)

    def confirm(self, case: Case) -> Answer:
        """Send the confirm."""
        answer = self.call("confirm", case)
        if answer.done:
            self.open.pop(case, None)
            self.confirmed[case] = None
        return answer

    def acted(self, case: Case) -> Answer:
        """An action as a precondition. Raises CannotTell when it does not succeed."""
        return self._must("the action", self.act(case))

    def undone(self, case: Case) -> Answer:
        """A compensation as a precondition. Raises CannotTell when it does not succeed."""
        return self._must("the compensation", self.undo(case))

    def call(self, call: str, case: Case, template: Template | None = None, note: str = "", **special: Any) -> Answer:
        """Send one call and keep it as evidence.

        Args:
            note: what is special about it.
            special: ``token`` or ``body``, as for ``Calls.request``.
        """
        request = self.calls.request(template or self._template(call), call, case, **special)
        return self._keep(f"{call} ({note})" if note else call, request, send(request, self.timeout))

    def insist(self, call: Callable[[], Answer]) -> Answer:
        """Repeat what was answered "not now" or not at all, as a coordinator does, up to TRIES times."""
        answer = call()
        for attempt in range(1, TRIES):
            if answer.status is not None and answer.status not in BUSY:
                break
            time.sleep(0.02 * attempt)
            answer = call()
        return answer

    def together(self, *calls: tuple[str, Case]) -> list[Answer]:
        """Send the calls at the same instant; the seed holds some back by up to 2 ms, so that every order comes."""
        for _, case in calls:
            self._begin(case)
        requests = [self.calls.request(self._template(call), call, case) for call, case in calls]
        delays = [self.random.choice((0.0, self.random.uniform(0, 0.002))) for _ in calls]
        answers = release(requests, delays, self.timeout)
        for (call, _), request, answer in zip(calls, requests, answers, strict=True):
            self._keep(f"{call} (at the same instant)", request, answer)
        return answers

    def hang_up(self, case: Case, share: float, before: Seen) -> None:
        """Send this share (0 to 1) of the action's bytes and close; wait until it has its effect, or SETTLE seconds."""
        self._begin(case)
        request = self.calls.request(self.spec.action, "action", case)
        size = len(request.raw())
        abandon(request, int(size * share), self.timeout)
        self._keep(f"action (hung up after {int(size * share)} of {size} bytes)", request, Answer(None, lost="hung up"))
        deadline = time.monotonic() + SETTLE
        while before.answers is not None and self.see(case) == before and time.monotonic() < deadline:
            time.sleep(0.02)

    # What a reader sees

    def see(self, case: Case) -> Seen:
        """Every observation of the case's item. Raises CannotTell when one is not answered, or with a 5xx."""
        if not self.spec.observe:
            return Seen(None)
        return Seen(tuple(self._observation(template, case) for template in self.spec.observe))

    def same(self, before: Seen, case: Case, said: str) -> None:
        """Look again. Raises Broken with ``said`` when something changed, CannotTell when nothing can be seen."""
        now = self._look_again(before, case)
        if now != before:
            raise Broken(f"{said}: a reader saw {before}; now {now}")

    def changed(self, before: Seen, case: Case, said: str) -> None:
        """Look again. Raises Broken with ``said`` when nothing changed, CannotTell when nothing can be seen."""
        if self._look_again(before, case) == before:
            raise Broken(f"{said}: a reader sees {before}")

    def one_effect(self, case: Case, said: str) -> None:
        """Raises Broken with ``said`` when what is seen differs from what one action leaves on any other item."""
        now, usual = self.see(case).shape(case), self.usual_shape
        if usual is not None and now != usual:
            raise Broken(f"{said}: one action leaves {usual}; this left {now}")

    @cached_property
    def usual_shape(self) -> str | None:
        """What one action leaves on a fresh item, names and value taken out; None: each time something else."""
        shapes = set()
        for case in (self.case(), self.case()):
            self.acted(case)
            shapes.add(self.see(case).shape(case))
            self.undo(case)
        return shapes.pop() if len(shapes) == 1 else None

    def alike(self, first: Answer, again: Answer) -> bool:
        """Whether two answers say the same, apart from what is to be ignored."""
        one, other = ((answer.status, comparable(answer.body, self.spec.ignore)) for answer in (first, again))
        return one == other

    def next_round(self) -> None:
        """Forget the evidence of a round in which all was well."""
        self.evidence.clear()

    # The rest

    def _begin(self, case: Case) -> None:
        """Note that it may have an effect, and send what it needs, once for each item and value."""
        if case not in self.confirmed:
            self.open[case] = None
        if self.spec.prepare and (case.item, case.value) not in self.prepared:
            self.prepared.add((case.item, case.value))
            for template in self.spec.prepare:
                self._must("the preparation", self.call("prepare", case, template))

    def _template(self, call: str) -> Template:
        found: Template | None = getattr(self.spec, call)
        if found is None:
            raise CannotTell(f"no template of the {call} was given")
        return found

    def _must(self, what: str, answer: Answer) -> Answer:
        if not answer.done:
            locked = answer.status == 409 and not self.spec.confirm
            hint = "; if an open saga holds the item, say with --confirm how one ends" if locked else ""
            raise CannotTell(f"{what}, which this check needs, was answered {answer}{hint}")
        return answer

    def _observation(self, template: Template, case: Case) -> tuple[int, str]:
        answer = self.call("observe", case, template)
        if answer.status is None or answer.status >= 500:
            raise CannotTell(f"the observation was answered {answer}")
        return answer.status, comparable(answer.body, self.spec.ignore)

    def _look_again(self, before: Seen, case: Case) -> Seen:
        if before.answers is None:
            raise CannotTell("no --observe was given, so nobody can see whether there was an effect")
        return self.see(case)

    def _keep(self, call: str, request: Request, answer: Answer) -> Answer:
        self.requests += 1
        secret = request.headers.get(self.spec.token_header, "")
        self.evidence.append(Exchange.of(call, request, answer, (secret,)))
        return answer
