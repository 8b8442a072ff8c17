"""Every call of a real run: what happens to it, and when its caller may go on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from chaos.explorer.real.lines import Channel, Message
from chaos.explorer.real.links import FaultProxy
from chaos.explorer.real.machine import RealMachine
from chaos.explorer.real.measures import Blow, Measure, measure_of
from chaos.explorer.real.switchboard import Switchboard
from chaos.explorer.schedule import Fault, FaultKind
from chaos.explorer.wire import Answer
from chaos.explorer.world import Process, World, kinds_of_call, possible_at_call


@dataclass
class Call:
    """One call under way.

    Attributes:
        label: tells its request apart; also the name of its fault.
        began, timeout: virtual seconds.
        answers: what the participant's app answered, each time.
    """

    label: str
    source: str
    process: Process | None
    target: str
    what: str
    saga_id: str | None
    began: float
    timeout: float
    measure: Measure
    answers: list[Answer] = field(default_factory=list)
    killed: bool = False

    @property
    def link(self) -> str:
        return link_name("coordinator" if self.process else self.source, self.target)

    @property
    def is_over(self) -> bool:
        """Nothing of it is on its way any more."""
        return self.killed or len(self.answers) >= self.measure.deliveries


@dataclass
class _OnItsWay:
    """A request that the fault proxy holds until the ``after``-th later call; below 0: until the very end."""

    call: Call
    after: int


class Carrier:
    """The calls of one run: what ``network.Network`` is to a simulated one."""

    def __init__(
        self, world: World, machines: Mapping[str, RealMachine], proxy: FaultProxy, board: Switchboard
    ) -> None:
        self._world, self._machines, self._proxy, self._board = world, machines, proxy, board
        self._calls: dict[str, Call] = {}
        self._asking: dict[Channel, Call] = {}
        self._asks_as: dict[Channel, str] = {}
        self._on_its_way: list[_OnItsWay] = []
        world.on_end.append(self._deliver_the_rest)
        board.on_guest, board.on_hangup = self._hear, self._forget

    # --- callers ----------------------------------------------------------------------------------------------------

    def open(self, source: str, process: Process | None, message: Message) -> tuple[Call, Message]:
        """Somebody is about to call: what is going to happen is arranged, and it gets its instructions."""
        world, target, method = self._world, message["to"], message["method"]
        what = f"{'coordinator' if process else source} → {target}: {message['what']}"
        ours = process is not None
        tried, possible = kinds_of_call(method, by_coordinator=ours), possible_at_call(by_coordinator=ours)
        faults = world.point(what, tried, possible)
        if process is not None and any(fault.kind is FaultKind.PAUSED for fault in faults):
            world.pause(process)
        began = world.hub.now
        self._deliver_overtaken()
        measure, label = measure_of(faults, method), f"explorer-{len(self._calls) + 1}"
        call = Call(label, source, process, target, what, message["saga_id"], began, message["timeout"], measure)
        self._calls[label] = call
        if measure.fault is not None:
            match = {"headers": {"X-Request-Id": f"^{label}$"}}
            self._proxy.add_fault(call.link, label, {**measure.fault, "match": match, "first": 1})
        if measure.late:
            self._on_its_way.append(_OnItsWay(call, _overtaken_by(faults)))
        self._set_out(call)
        return call, {"label": label, "patience": measure.patience, "expired": measure.expired}

    def close(self, call: Call, message: Message) -> Message:
        """The caller has an answer, or none: it goes on when nothing of the call is on its way any more."""
        world = self._world
        self._board.serve_until(lambda: call.is_over)
        if call.measure.fault is not None and not call.measure.late:
            self._proxy.remove_fault(call.link, call.label)
        self._is_done(call)
        how: str | None = message.get("how")
        if how is None and world.hub.now - call.began > call.timeout:
            how = "timeout"
        if how == "timeout":
            world.clock.sleep_until(call.began + call.timeout)
        self._note("call", call, _answer(message) if how is None else "no answer" if how == "timeout" else how)
        return {"too_late": how == "timeout"}

    # --- participants -----------------------------------------------------------------------------------------------

    def _hear(self, guest: Channel, message: Message) -> None:
        match message["op"]:
            case "hello":
                self._asks_as[guest] = message["who"]
                guest.send({})
            case "call":
                self._asking[guest], go = self.open(self._asks_as[guest], None, message)
                guest.send(go)
            case "ended":
                guest.send(self.close(self._asking.pop(guest), message))
            case "arrived":
                self._arrived(guest, self._calls.get(message["label"]), message["pid"])
            case "answered":
                self._answered(guest, self._calls.get(message["label"]), message)

    def _arrived(self, guest: Channel, call: Call | None, pid: int) -> None:
        if call is not None and call.measure.blow is Blow.KILL_BEFORE:
            self._kill(call)
            return
        if call is not None and call.measure.blow is Blow.FULL:
            self._machines[call.target].fill_disk(pid)
        guest.send({})

    def _answered(self, guest: Channel, call: Call | None, message: Message) -> None:
        if call is None:  # of a run before this one
            guest.send({})
            return
        if call.measure.blow is Blow.KILL_AFTER:
            self._kill(call)
            return
        if call.measure.blow is Blow.FULL:
            self._machines[call.target].empty_disk(message["pid"])
        call.answers.append(_answer(message))
        guest.send({})

    def _kill(self, call: Call) -> None:
        """kill -9, and a start from its folder; whoever waits for its answer is reset by that."""
        self._machines[call.target].close()
        self._machines[call.target].open()
        call.killed = True

    def _forget(self, guest: Channel) -> None:
        self._asks_as.pop(guest, None)
        if (call := self._asking.pop(guest, None)) is not None:  # its process was killed in the middle of it
            self._is_done(call)
            call.killed = True

    # --- late ones --------------------------------------------------------------------------------------------------

    def _deliver_overtaken(self) -> None:
        """What arrives before the present call. Whoever is at work on a request takes no other one meanwhile."""
        inside = self._world.inside
        for one in [one for one in self._on_its_way if one.after > 0 and one.call.target not in inside]:
            one.after -= 1
            if one.after == 0:
                self._release(one)

    def _deliver_the_rest(self) -> None:
        for one in list(self._on_its_way):
            self._release(one)

    def _release(self, one: _OnItsWay) -> None:
        self._on_its_way.remove(one)
        self._set_out(one.call)
        self._proxy.remove_fault(one.call.link, one.call.label)
        self._board.serve_until(lambda: bool(one.call.answers))
        self._is_done(one.call)
        self._note("late", one.call, one.call.answers[0])

    def _set_out(self, call: Call) -> None:
        """From here on nobody else has a turn, until it is done."""
        self._world.hub.held += 1
        self._world.inside.append(call.target)

    def _is_done(self, call: Call) -> None:
        self._world.inside.remove(call.target)
        self._world.hub.held -= 1

    def _note(self, kind: str, call: Call, came: Answer | str) -> None:
        self._world.note_call(kind, call.source, call.target, call.what, call.saga_id, came)


def _answer(message: Message) -> Answer:
    return Answer(message["status"], message["body"].encode("latin-1"))


def link_name(source: str, target: str) -> str:
    """What the link from one to the other is called."""
    return f"{source}-{target}"


def _overtaken_by(faults: list[Fault]) -> int:
    return next(fault.overtaken_by for fault in faults if fault.kind is FaultKind.LATE)
