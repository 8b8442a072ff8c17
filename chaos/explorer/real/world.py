"""A run over real processes, from the stage's side: the same points, time and order as in a simulation."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from chaos.explorer.hub import Killed
from chaos.explorer.real.carrier import Call, Carrier
from chaos.explorer.real.lines import Channel, Hangup, Message
from chaos.explorer.real.processes import Nursery, kill_group
from chaos.explorer.real.remote import Links
from chaos.explorer.real.switchboard import Switchboard
from chaos.explorer.schedule import FaultKind
from chaos.explorer.world import Entry, Process, World


class BrokeOff(Exception):
    """A coordinator's process ended otherwise than by finishing its work or by the schedule."""


@dataclass
class RealWorld(World):
    """A ``World`` whose coordinators are processes: pausing is SIGSTOP, a death is a death."""

    pids: dict[str, int] = field(default_factory=dict)

    def pause(self, process: Process) -> None:
        os.kill(self.pids[process.name], signal.SIGSTOP)
        super().pause(process)
        os.kill(self.pids[process.name], signal.SIGCONT)

    def end(self) -> None:
        """No coordinator of this run is left."""
        for pid in self.pids.values():
            kill_group(pid)


class Director:
    """Gives a coordinator's process its turns: between two of them the scheduler decides who is next."""

    def __init__(self, nursery: Nursery, board: Switchboard, disk: Path, links: Links) -> None:
        self._nursery, self._board, self._disk, self._links = nursery, board, disk, links
        self.carrier: Carrier | None = None

    def work(self, world: World, process: Process) -> None:
        """Start the process and serve it until it is done.

        Raises:
            Killed: the schedule killed it.
            BrokeOff: it ended otherwise.
        """
        if not isinstance(world, RealWorld) or self.carrier is None:
            raise TypeError("a director needs a real world, and a carrier")
        world.pids[process.name] = self._nursery.start(process.name, disk=str(self._disk), links=self._links)
        turn = _Turn(world, process, self.carrier)
        with closing(self._board.coordinator(process.name)) as channel:
            turn.answer(channel)
            try:
                while (message := self._board.receive(channel))["op"] != "done":
                    turn.answer(channel, turn.take(message))
                turn.answer(channel)
            except Hangup:
                kill_group(world.pids[process.name])
                if world.trace[-1].outcome == "killed" and world.trace[-1].source == process.name:
                    raise Killed from None
                raise BrokeOff(f"{process.name} ended without a word") from None


class _Turn:
    def __init__(self, world: RealWorld, process: Process, carrier: Carrier) -> None:
        self._world, self._process, self._carrier = world, process, carrier
        self._call: Call | None = None

    def answer(self, channel: Channel, answer: Message | None = None) -> None:
        """Let it go on, and tell it the time and who is alive."""
        alive = [process.name for process in self._world.processes if process.alive and not process.paused]
        channel.send({"now": self._world.hub.now, "alive": alive} | (answer or {}))

    def take(self, message: Message) -> Message:
        """What it came to. Raises BrokeOff."""
        known: dict[str, Callable[[Message], Message]] = {
            "point": self._point,
            "call": self._open,
            "ended": self._close,
            "sleep": self._sleep,
            "entry": self._entry,
            "failed": self._failed,
        }
        return known[message["op"]](message)

    def _point(self, message: Message) -> Message:
        kinds = [FaultKind(kind) for kind in message["kinds"]]
        faults = self._world.point(message["what"], kinds)
        if any(fault.kind is FaultKind.PAUSED for fault in faults):
            self._world.pause(self._process)
        return {"faults": [str(fault.kind) for fault in faults]}

    def _open(self, message: Message) -> Message:
        self._call, go = self._carrier.open(self._process.name, self._process, message)
        return go

    def _close(self, message: Message) -> Message:
        if self._call is None:
            raise BrokeOff(f"{self._process.name} ended a call that it had not begun")
        return self._carrier.close(self._call, message)

    def _sleep(self, message: Message) -> Message:
        self._world.clock.sleep_until(message["until"])
        return {}

    def _entry(self, message: Message) -> Message:
        self._world.trace.append(Entry(**message["entry"] | {"at": self._world.seconds()}))
        return {}

    def _failed(self, message: Message) -> Message:
        raise BrokeOff(f"{self._process.name}: {message['why']}")
