"""Virtual time and the scheduler: one task runs at a time, and switches only where the hub is called."""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable
from dataclasses import dataclass, field

import greenlet

START = 1_700_000_000.0  # Unix seconds at which every run begins


class Killed(BaseException):
    """A coordinator's process dies here. A BaseException, because nothing in it may catch this and go on."""


@dataclass
class Task:
    """One line of execution."""

    name: str
    work: Callable[[], None]
    let: greenlet.greenlet | None = None


@dataclass
class Hub:
    """Runs tasks in the order of their times.

    Attributes:
        now: Unix seconds, virtual.
        chance: who of those that could run now does; None: first come, first served.
        held: while it is not 0 no other task may run (a participant is in the middle of a request).
    """

    chance: random.Random | None = None
    now: float = START
    held: int = 0
    on_killed: Callable[[Task], None] = lambda task: None
    _queue: list[tuple[float, float, int, Task]] = field(default_factory=list)
    _count: int = 0
    _main: greenlet.greenlet | None = None
    _running: Task | None = None

    def spawn(self, name: str, work: Callable[[], None], at: float | None = None) -> Task:
        """A new task that begins ``at`` (Unix seconds; None: as soon as it can)."""
        task = Task(name, work)
        self._put(self.now if at is None else at, task)
        return task

    def sleep_until(self, at: float) -> None:
        """The running task goes on at ``at``; whoever is due before runs meanwhile."""
        if self.held or self._running is None or not self._queue or self._queue[0][0] > at:
            self.now = max(self.now, at)
            return
        self._put(at, self._running)
        self._leave()

    def switch(self) -> None:
        """A point at which another task that could run now may overtake the running one."""
        if self.chance is not None and not self.held and self._running is not None and self._queue:
            self._put(self.now, self._running)
            self._leave()

    def run(self) -> None:
        """Run all tasks to their ends. What one raises is raised here, except that it was killed."""
        self._main = greenlet.getcurrent()
        while self._queue:
            at, _, _, task = heapq.heappop(self._queue)
            self.now = max(self.now, at)
            self._running = task
            if task.let is None:
                task.let = greenlet.greenlet(task.work)
            try:
                task.let.switch()
            except Killed:
                self.on_killed(task)
            finally:
                self._running = None

    def _put(self, at: float, task: Task) -> None:
        self._count += 1
        tie = self.chance.random() if self.chance is not None else 0.0
        heapq.heappush(self._queue, (at, tie, self._count, task))

    def _leave(self) -> None:
        if self._main is None:
            raise AssertionError("the hub does not run")
        self._main.switch()


@dataclass(frozen=True)
class HubClock:
    """The hub's time as the saga core's Clock port."""

    hub: Hub

    def now(self) -> float:
        return self.hub.now

    def sleep_until(self, at: float) -> None:
        if at > self.hub.now:
            self.hub.sleep_until(at)
