"""A scenario over real processes: runs one schedule after the other, each from the scenario's past."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, cast

from chaos.explorer.network import Network
from chaos.explorer.real.carrier import Carrier, link_name
from chaos.explorer.real.disk import Disk, write_disk
from chaos.explorer.real.links import NAME as PROXY
from chaos.explorer.real.links import FaultProxy
from chaos.explorer.real.machine import RealMachine, put_back
from chaos.explorer.real.nursery import KEYS
from chaos.explorer.real.processes import Nursery
from chaos.explorer.real.remote import Links
from chaos.explorer.real.switchboard import Switchboard
from chaos.explorer.real.world import Director, RealWorld
from chaos.explorer.remembered import Machine, Remembered, State
from chaos.explorer.run import Run, Stage, System, run_of
from chaos.explorer.scenario import Judgement
from chaos.explorer.schedule import Schedule

COORDINATOR = "coordinator"


class RealParticipant(Remembered):
    """A participant that is a process, as a checker looks at it: its folder, and what it answers."""

    def __init__(self, machine: Machine) -> None:
        # Not as its base does: that would start the process only to look at it, and a run starts it anew anyway.
        self.machine, self.name, self.address = machine, machine.name, machine.address
        self._known: dict[str, State] = {}
        self.state = self._real_state = State(0, {})
        self.real_calls = 0

    def look_again(self) -> None:
        """Its state is whatever it came to."""
        self.state = self._real_state = self._look()


class RealStage:
    """The processes of one scenario.

    Args:
        simulated: the same scenario in simulation; runs begin where its runs begin, byte for byte.
        folder: for everything that they write.
    """

    def __init__(self, simulated: Stage, folder: Path) -> None:
        self.scenario, self.folder, self._simulated = simulated.scenario, folder, simulated
        self._known: dict[Any, Any] = {}
        with ExitStack() as closing:
            self._nursery = Nursery(folder / "nursery.log", _environment(simulated.tokens.keys))
            closing.callback(self._nursery.close)
            self._board = Switchboard(folder / "control")
            closing.callback(self._board.close)
            self._nursery.begin(self._plan())
            self._proxy = FaultProxy(self._nursery, folder / f"{PROXY}.log")
            closing.callback(self._proxy.close)
            self._proxy.wait()
            self._machines = {
                machine.name: RealMachine(machine, self._nursery)
                for machine in self.scenario.machines(folder, simulated.tokens)
            }
            for name, machine in self._machines.items():
                machine.links = self._links_of(name)
            self._links = self._links_of(COORDINATOR)
            self.participants = {name: RealParticipant(machine) for name, machine in self._machines.items()}
            self._close = closing.pop_all().close

    def run(self, schedule: Schedule) -> Run:
        """Run one schedule; what breaks off makes it ``unknown``."""
        self._begin_anew()
        disk = self.folder / "disk"
        director = Director(self._nursery, self._board, disk, self._links)
        world = RealWorld(schedule, director.work, self.scenario.lease)
        director.carrier = Carrier(world, self._machines, self._proxy, self._board)
        system = System(
            world,
            cast(Network, _NoSession()),
            dict[str, Remembered](self.participants),
            self._simulated.tokens,
            self._known,
        )
        world.durable = self.scenario.keep(self._simulated.past.durable)

        def judged() -> Judgement:
            self.scenario.begin(system)
            write_disk(disk, world.durable)
            world.start(self.scenario.workers())
            world.run()
            return self._judge(system, disk)

        try:
            return run_of(schedule, world, judged)
        finally:
            world.end()
            self._board.hang_up()

    def close(self) -> None:
        """Nothing of it is left."""
        for machine in self._machines.values():
            machine.close()
        self._close()

    def _begin_anew(self) -> None:
        self._proxy.heal()
        shutil.rmtree(self.folder / "disk", ignore_errors=True)
        put_back(self._machines.values(), {name: state.image for name, state in self._simulated.past.states.items()})

    def _judge(self, system: System, disk: Path) -> Judgement:
        opened = Disk(disk)
        system.world.durable = opened
        for participant in self.participants.values():
            participant.look_again()
        try:
            return self.scenario.judge(system)
        finally:
            opened.close()

    def _plan(self) -> dict[str, str]:
        """What the nursery has to know."""
        control = str(self.folder / "control")
        return {"scenario": self.scenario.name, "folder": str(self.folder), "control": control}

    def _links_of(self, source: str) -> Links:
        """Every caller has a link of its own to everybody whom it could call."""
        return {
            target.address: (target.name, self._proxy.add_link(link_name(source, target.name), target.port))
            for target in self._machines.values()
            if target.name != source
        }


@contextmanager
def on_real_stage(simulated: Stage) -> Iterator[RealStage]:
    """The scenario's processes, on free ports and in a temporary folder on a real disk.

    Raises:
        CannotStart: one of them did not come up.
    """
    with tempfile.TemporaryDirectory(prefix="replay-") as folder:
        stage = RealStage(simulated, Path(folder))
        try:
            yield stage
        finally:
            stage.close()


class _NoSession:
    def session(self, process: object) -> None:
        raise NotImplementedError("what a client does at the beginning makes no calls in a real run")


def _environment(keys: str) -> dict[str, str]:
    packages = os.pathsep.join(path for path in sys.path if path)
    return {**os.environ, "PYTHONPATH": packages, KEYS: keys}
