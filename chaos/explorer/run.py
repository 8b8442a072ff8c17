"""One run: a scenario under a schedule, from its past to its judgement."""

from __future__ import annotations

import logging
import os
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from chaos.auditor.verdicts import Verdict
from chaos.explorer.network import Network
from chaos.explorer.remembered import Remembered
from chaos.explorer.scenario import Anomaly, Finding, Judgement, Past, Scenario
from chaos.explorer.schedule import Fault, Schedule
from chaos.explorer.tokens import Tokens
from chaos.explorer.wire import SimulatedSession
from chaos.explorer.world import Carried, Entry, NoEnd, Passed, Process, World


@dataclass(frozen=True)
class Run:
    """What came of one schedule.

    Attributes:
        passed: the points that the run came to, in order, with what could go wrong at each.
        fired: the faults that happened.
        states: saga id to the state that the saga reports of itself.
        carried: its calls, in the order in which they set out (of a simulated run).
    """

    schedule: Schedule
    verdict: Verdict
    findings: tuple[Finding, ...]
    unseen: tuple[str, ...]
    trace: tuple[Entry, ...]
    passed: tuple[Passed, ...]
    fired: tuple[Fault, ...]
    states: dict[str, str]
    carried: tuple[Carried, ...] = ()

    @property
    def anomalies(self) -> tuple[Anomaly, ...]:
        """What was found, each once."""
        return tuple(dict.fromkeys(finding.anomaly for finding in self.findings))

    @property
    def never_fired(self) -> tuple[Fault, ...]:
        """Faults of the schedule that did not happen: the run never came to their point, or there they cannot."""
        return tuple(fault for fault in self.schedule.faults if fault not in self.fired)


@dataclass
class System:
    """The scenario's system in one run, as its coordinators and its checker see it."""

    world: World
    network: Network
    participants: dict[str, Remembered]
    tokens: Tokens
    known: dict[Any, Any] = field(default_factory=dict)
    """What the checker has worked out before, over all runs of this process."""

    @property
    def durable(self) -> dict[str, Any]:
        """What coordinators keep on their disk, by name."""
        return self.world.durable

    def session(self, process: Process) -> SimulatedSession:
        """The HTTP client of a coordinator's process."""
        return self.network.session(process)


class Stage:
    """A scenario with its participants started: runs one schedule after the other. Close it."""

    def __init__(self, scenario: Scenario, folder: Path) -> None:
        self.scenario, self.folder = scenario, folder
        self.tokens = Tokens()
        self.participants = {machine.name: Remembered(machine) for machine in scenario.machines(folder, self.tokens)}
        self._known: dict[Any, Any] = {}

    @cached_property
    def past(self) -> Past:
        """Where every run begins."""
        system = self._system(Schedule(self.scenario.name))
        self.scenario.past(system)
        states = {name: participant.state for name, participant in self.participants.items()}
        return Past(states, self.scenario.keep(system.durable))

    @cached_property
    def base(self) -> Run:
        """The run in which nothing goes wrong."""
        return self.run(Schedule(self.scenario.name))

    def run(self, schedule: Schedule) -> Run:
        """Run one schedule. It raises nothing: a defect of the saga's makes it ``invalid``, one of ours ``unknown``."""
        for name, state in self.past.states.items():
            self.participants[name].state = state
        system = self._system(schedule)
        world = system.world
        world.durable = self.scenario.keep(self.past.durable)

        def judged() -> Judgement:
            self.scenario.begin(system)
            world.start(self.scenario.workers())
            world.run()
            return self.scenario.judge(system)

        return run_of(schedule, world, judged)

    @property
    def real_calls(self) -> Counter[str]:
        """How often each participant's app was really called."""
        return Counter({name: participant.real_calls for name, participant in self.participants.items()})

    def close(self) -> None:
        for participant in self.participants.values():
            participant.close()

    def _system(self, schedule: Schedule) -> System:
        work: Callable[[World, Process], None] = lambda _, process: self.scenario.work(system, process)  # noqa: E731
        world = World(schedule, work, self.scenario.lease)
        network = Network(world, self.participants, self.scenario.describe, self.tokens)
        system = System(world, network, self.participants, self.tokens, self._known)
        return system


@contextmanager
def on_stage(scenario: Scenario) -> Iterator[Stage]:
    """The scenario with its participants started, in a folder of its own.

    Meanwhile nothing is logged: what services and coordinators say of hundreds of faults is part of no report.
    """
    with _no_log(), stage_folder() as folder:
        stage = Stage(scenario, folder)
        try:
            yield stage
        finally:
            stage.close()


@contextmanager
def _no_log() -> Iterator[None]:
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(before)


@contextmanager
def stage_folder() -> Iterator[Path]:
    """A temporary folder, in memory where the machine has such a file system."""
    memory = Path("/dev/shm")  # noqa: S108 - a folder of our own is made in it
    with tempfile.TemporaryDirectory(
        prefix=f"explore-{os.getpid()}-", dir=memory if memory.is_dir() else None
    ) as folder:
        yield Path(folder)


def run_of(schedule: Schedule, world: World, judge: Callable[[], Judgement]) -> Run:
    """What comes of a run that ``judge`` runs and judges, also when it comes to no end or breaks off."""
    try:
        judged = judge()
    except NoEnd as endless:
        judged = Judgement((Finding(Anomaly.STUCK, "A3", "the run", str(endless)),))
    except Exception as defect:
        judged = Judgement(unseen=(f"the run broke off: {type(defect).__name__}: {defect}",))
    verdict = Verdict.INVALID if judged.findings else Verdict.UNKNOWN if judged.unseen else Verdict.VALID
    return Run(
        schedule,
        verdict,
        judged.findings,
        judged.unseen,
        tuple(world.trace),
        tuple(world.passed),
        tuple(world.fired),
        dict(judged.states),
        tuple(world.carried),
    )
