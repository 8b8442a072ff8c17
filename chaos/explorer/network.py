"""The simulated network: every call of everybody, and everything that can happen to one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from chaos.explorer.remembered import Remembered
from chaos.explorer.schedule import Fault, FaultKind
from chaos.explorer.tokens import Tokens
from chaos.explorer.wire import Answer, NoAnswer, Request, SimulatedSession
from chaos.explorer.world import Carried, Process, World, kinds_of_call, possible_at_call

K = FaultKind
Describe = Callable[[str, Request], str]
"""What a request to a participant is, in a word or two: ``save files``."""


@dataclass
class _Call:
    source: str
    participant: Remembered
    request: Request
    what: str
    instead: Answer | None = None


@dataclass
class _OnItsWay:
    """A call whose caller gave up, and that arrives before the ``after``-th later one; below 0: at the very end."""

    call: _Call
    after: int


@dataclass
class Network:
    """Carries the calls of one run.

    Attributes:
        describe: names a call; the name is part of its point.
    """

    world: World
    participants: Mapping[str, Remembered]
    describe: Describe
    tokens: Tokens
    _on_its_way: list[_OnItsWay] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.world.on_end.append(self._deliver_the_rest)
        self._by_address = {participant.address: participant for participant in self.participants.values()}

    def session(self, process: Process) -> SimulatedSession:
        """The HTTP client of one coordinator's process."""
        return SimulatedSession(
            lambda address, request, timeout: self.call(process.name, address, request, timeout, process)
        )

    def call(
        self, source: str, address: str, request: Request, timeout: float, process: Process | None = None
    ) -> Answer:
        """One call.

        Raises:
            NoAnswer: no whole answer came.
        """
        participant = self._by_address[address]
        request = self.tokens.lasting(request)
        request = request.with_headers(x_simulated_token=self.tokens.word_of(request))
        caller = "coordinator" if process else source
        what = f"{caller} → {participant.name}: {self.describe(participant.name, request)}"
        ours = process is not None
        tried, possible = kinds_of_call(request.method, by_coordinator=ours), possible_at_call(by_coordinator=ours)
        faults = self.world.point(what, tried, possible)
        number = len(self.world.passed) - 1
        for fault in faults:
            if fault.kind is K.PAUSED and process is not None:
                self.world.pause(process)
        self.world.carried.append(Carried(number, tuple(self.world.inside)))
        self._deliver_overtaken()
        began, call = self.world.hub.now, _Call(source, participant, request, what)
        try:
            answer = self._carry(call, faults)
            if self.world.hub.now - began > timeout:
                raise NoAnswer("timeout")
        except NoAnswer as none:
            if none.how == "timeout":
                self.world.clock.sleep_until(began + timeout)
            self._note("call", call, "no answer" if none.how == "timeout" else none.how)
            raise
        self._note("call", call, answer)
        return answer

    def _carry(self, call: _Call, faults: Iterable[Fault]) -> Answer:
        """The call under the faults of its point, each of which may be the last word."""
        for fault in faults:
            self._before(call, fault)
        full = any(fault.kind is K.DISK_FULL for fault in faults)
        answer = self._deliver(call, disk_full=full)
        for fault in faults:
            answer = self._after(call, fault, answer)
        return answer

    def _before(self, call: _Call, fault: Fault) -> None:
        match fault.kind:
            case K.REQUEST_LOST:
                raise NoAnswer("timeout")
            case K.LATE:
                self._on_its_way.append(_OnItsWay(call, fault.overtaken_by))
                raise NoAnswer("timeout")
            case K.DOWN_BEFORE:
                call.participant.kill()
                raise NoAnswer("reset")
            case K.EXPIRED:
                call.request = self.tokens.expired(call.request)
            case K.REFUSED:
                call.instead = Answer.problem(409, "refused-by-the-schedule", "refused")
            case K.ERROR_BEFORE:
                call.instead = Answer.problem(503, "unavailable", "an error before the effect")

    def _deliver(self, call: _Call, *, disk_full: bool = False) -> Answer:
        if call.instead is not None:
            return call.instead
        hub = self.world.hub
        hub.held += 1
        self.world.inside.append(call.participant.name)
        try:
            return call.participant.call(
                call.request,
                lambda address, request, timeout: self.call(call.participant.name, address, request, timeout),
                disk_full=disk_full,
            )
        finally:
            self.world.inside.pop()
            hub.held -= 1

    def _after(self, call: _Call, fault: Fault, answer: Answer) -> Answer:
        match fault.kind:
            case K.RESPONSE_LOST:
                raise NoAnswer("timeout")
            case K.CUT:
                raise NoAnswer("cut")
            case K.ERROR_AFTER:
                return Answer.problem(500, "internal", "an error after the effect")
            case K.DUPLICATE:
                self._deliver(call)
            case K.DOWN_AFTER:
                call.participant.kill()
                raise NoAnswer("reset")
        return answer

    def _deliver_overtaken(self) -> None:
        """What arrives before the present call. Whoever is at work on a request takes no other one meanwhile."""
        inside = self.world.inside
        for one in [one for one in self._on_its_way if one.after > 0 and one.call.participant.name not in inside]:
            one.after -= 1
            if one.after == 0:
                self._arrive(one)

    def _deliver_the_rest(self) -> None:
        for one in list(self._on_its_way):
            self._arrive(one)

    def _arrive(self, one: _OnItsWay) -> None:
        self._on_its_way.remove(one)
        self._note("late", one.call, self._deliver(one.call))

    def _note(self, kind: str, call: _Call, came: Answer | str) -> None:
        self.world.note_call(kind, call.source, call.participant.name, call.what, call.request.saga_id, came)
