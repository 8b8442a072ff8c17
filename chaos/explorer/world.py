"""One simulated system during one run: its time, its points, its faults, and what happened."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from chaos.explorer.hub import Hub, HubClock, Killed, Task
from chaos.explorer.schedule import CALL_KINDS, READ_KINDS, Fault, FaultKind, Point, Schedule
from chaos.explorer.wire import Answer

MOST_POINTS = 5_000
"""A run that comes to so many calls and writes comes to no end."""
RESTART = 1.0  # virtual seconds from a coordinator's death until the next one is there


class NoEnd(Exception):
    """The run did not come to an end."""


@dataclass(frozen=True)
class Entry:
    """One line of what happened.

    Attributes:
        at: virtual seconds since the run began.
        kind: ``call``, ``write``, ``fault``, ``late``, ``process`` or ``note``.
        source, target: who called whom; for the other kinds the one that it is about.
        what: the call or write in words.
        outcome: what came of it, in a word or two.
    """

    at: float
    kind: str
    source: str
    target: str
    what: str
    outcome: str = ""
    saga_id: str | None = None
    detail: str = ""


@dataclass(frozen=True)
class Passed:
    """A point that the run passed, and what could have gone wrong there."""

    point: Point
    kinds: Sequence[FaultKind]


@dataclass(frozen=True)
class Carried:
    """A call that set out, in the order in which they did.

    Attributes:
        number: of its point among those that the run passed, from 0; a paused coordinator's calls set out later.
        inside: the participants that were at work on a request: the call is part of their work.
    """

    number: int
    inside: tuple[str, ...]


@dataclass
class Process:
    """One coordinator's process."""

    name: str
    task: Task | None = None
    alive: bool = True
    paused: bool = False


@dataclass
class World:
    """A run.

    Attributes:
        work: what a coordinator's process does; called again in a new process when one died or was paused.
        durable: what coordinators keep on their disk, by name; a crash does not touch it.
        inside: the participants that are at work on a request; the last one was asked by the one before it.
    """

    schedule: Schedule
    work: Callable[[World, Process], None]
    lease: float = 10.0
    durable: dict[str, Any] = field(default_factory=dict)
    trace: list[Entry] = field(default_factory=list)
    passed: list[Passed] = field(default_factory=list)
    carried: list[Carried] = field(default_factory=list)
    inside: list[str] = field(default_factory=list)
    fired: list[Fault] = field(default_factory=list)
    processes: list[Process] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    on_end: list[Callable[[], None]] = field(default_factory=list)

    def __post_init__(self) -> None:
        seed = self.schedule.seed
        self.hub = Hub(None if seed is None else random.Random(seed))
        self.hub.on_killed = self._died
        self.clock = HubClock(self.hub)
        self.began = self.hub.now
        self._faults: Mapping[Point, list[Fault]] = _by_point(self.schedule.faults)

    # --- points -----------------------------------------------------------------------------------------------------

    def point(self, what: str, kinds: Sequence[FaultKind], possible: Sequence[FaultKind] | None = None) -> list[Fault]:
        """The run comes to a point: the faults that happen here.

        Args:
            kinds: what is worth trying here.
            possible: what a schedule may also have here; None: no more.
        """
        self.hub.switch()
        self.counts[what] += 1
        here = Point(what, self.counts[what])
        self.passed.append(Passed(here, kinds))
        if len(self.passed) > MOST_POINTS:
            raise NoEnd(f"no end after {MOST_POINTS} calls and writes")
        can = kinds if possible is None else possible
        faults = [fault for fault in self._faults.get(here, []) if fault.kind in can]
        self.fired += faults
        for fault in faults:
            self.note("fault", what, str(fault.kind))
        return faults

    def note(self, kind: str, about: str, outcome: str, **more: Any) -> None:
        """Write a line of the trace."""
        self.trace.append(Entry(self.seconds(), kind, about, "", "", outcome, **more))

    def note_call(
        self, kind: str, source: str, target: str, point: str, saga_id: str | None, came: Answer | str
    ) -> None:
        """Write a line about a call to ``target``, named as its point is: its answer, or how none came."""
        what = point.partition(": ")[2]
        outcome, detail = (str(came.status), came.problem_word) if isinstance(came, Answer) else (came, "")
        self.trace.append(Entry(self.seconds(), kind, source, target, what, outcome, saga_id, detail))

    def seconds(self) -> float:
        """Virtual seconds since the run began."""
        return round(self.hub.now - self.began, 3)

    # --- coordinators -----------------------------------------------------------------------------------------------

    def start(self, count: int = 1) -> None:
        """Start coordinators."""
        for _ in range(count):
            self.start_process(self.hub.now)

    def start_process(self, at: float) -> Process:
        """A coordinator's process begins to work ``at`` (virtual Unix seconds)."""
        process = Process(f"coordinator {len(self.processes) + 1}")
        self.processes.append(process)
        process.task = self.hub.spawn(process.name, lambda: self.work(self, process), at)
        return process

    def die(self, process: Process) -> None:
        """The running coordinator dies; whatever it had in memory is gone."""
        self.note("process", process.name, "killed")
        raise Killed

    def pause(self, process: Process) -> None:
        """The running coordinator stands still for three leases; meanwhile there is another one."""
        self.note("process", process.name, "paused")
        process.paused = True
        self.start_process(self.hub.now + RESTART)
        self.hub.sleep_until(self.hub.now + 3 * self.lease)
        process.paused = False
        self.note("process", process.name, "goes on")

    def _died(self, task: Task) -> None:
        for process in self.processes:
            if process.task is task:
                process.alive = False
        self.start_process(self.hub.now + RESTART)

    def run(self) -> None:
        """Until everybody is done; then what is still on its way arrives.

        Raises:
            NoEnd: somebody never is.
        """
        self.hub.run()
        for last in self.on_end:
            last()


def kinds_of_call(method: str, *, by_coordinator: bool) -> Sequence[FaultKind]:
    """What is worth trying at a call: a read has no effect."""
    return READ_KINDS if method in ("GET", "HEAD") else possible_at_call(by_coordinator=by_coordinator)


def possible_at_call(*, by_coordinator: bool) -> Sequence[FaultKind]:
    """What can go wrong at a call: only a coordinator can be paused."""
    return CALL_KINDS if by_coordinator else [kind for kind in CALL_KINDS if kind is not FaultKind.PAUSED]


def _by_point(faults: Sequence[Fault]) -> dict[Point, list[Fault]]:
    found: dict[Point, list[Fault]] = {}
    for fault in faults:
        found.setdefault(fault.point, []).append(fault)
    return found
