"""What an exploration came to: counted while it runs, and what it leaves out, with the reasons."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from chaos.auditor.verdicts import Verdict
from chaos.explorer.run import Run

PRUNED: tuple[str, ...] = (
    "a participant's reads have no effect: before and after it, once and twice, in time and late are one and the same",
    "a late call is tried before every later call to its participant, and to those that its participant calls itself, "
    "and at the end: in between, nobody that it could meet does anything",
    "a coordinator that dies between two durable writes, or at a claim, is as one that dies at the write next to it; "
    "between two calls of one write, as one whose further calls are lost and that dies at the next write: two faults",
)
NOT_SIMULATED: tuple[str, ...] = (
    "the inside of a participant's request: it is killed before or after its effect, not in the middle (the kill-point "
    "tests of the two servers do that, write by write), and two requests are never inside one participant at once",
    "power cuts: what a killed process wrote is there",
    "two faults at one and the same call or write (a retry is a point of its own)",
    "two late calls that arrive between the same two other calls: they do so in the order in which they were sent",
    "clocks that jump (an experiment does that with real processes); the participants' clocks stand still",
    "a participant that is away for longer than one call, and a log that fails at a claim, a release or a heartbeat",
    "steps 1 to 3 of a generation, which have no effect",
)
MOST_FAILING = 50


@dataclass
class Report:
    """What an exploration came to.

    Attributes:
        points: distinct points that runs passed, by their names.
        tried: how often each kind of fault happened.
        never_fired: faults of schedules that did not happen.
        failing: of the runs that were not valid the first for everything that was found or not seen (up to
            MOST_FAILING); ``invalid`` and ``unknown`` count all.
        minimal: one minimal run for each set of anomalies.
        seconds: of wall-clock time.
    """

    scenario: str
    faults: int
    runs: int = 0
    invalid: int = 0
    unknown: int = 0
    never_fired: int = 0
    most_faults: int = 0
    points: Counter[str] = field(default_factory=Counter)
    tried: Counter[str] = field(default_factory=Counter)
    pairs: set[tuple[str, str]] = field(default_factory=set)
    failing: list[Run] = field(default_factory=list)
    minimal: list[Run] = field(default_factory=list)
    real_calls: int = 0
    seconds: float = 0.0

    @property
    def verdict(self) -> Verdict:
        """Invalid before unknown before valid; of no run at all nothing is known."""
        if self.invalid:
            return Verdict.INVALID
        return Verdict.UNKNOWN if self.unknown or not self.runs else Verdict.VALID

    @property
    def rate(self) -> float:
        """Schedules per second of wall-clock time."""
        return self.runs / self.seconds if self.seconds else 0.0

    def take(self, run: Run) -> None:
        """Count one run."""
        self.runs += 1
        self.most_faults = max(self.most_faults, len(run.schedule.faults))
        self.invalid += run.verdict is Verdict.INVALID
        self.unknown += run.verdict is Verdict.UNKNOWN
        self.never_fired += len(run.never_fired)
        for passed in run.passed:
            self.points[passed.point.what] = max(self.points[passed.point.what], passed.point.nth)
        for fault in run.schedule.faults[-1:]:
            self.tried[str(fault.kind)] += 1
            self.pairs.add((fault.point.what, str(fault.kind)))
        if run.verdict is not Verdict.VALID:
            self._keep(run)

    def add(self, part: Report) -> None:
        """Take in what another process explored."""
        self.runs += part.runs
        self.most_faults = max(self.most_faults, part.most_faults)
        self.invalid += part.invalid
        self.unknown += part.unknown
        self.never_fired += part.never_fired
        self.points |= part.points
        self.tried += part.tried
        self.pairs |= part.pairs
        self.real_calls += part.real_calls
        for run in part.failing:
            self._keep(run)

    def _keep(self, run: Run) -> None:
        known = ((one.anomalies, one.unseen) for one in self.failing)
        if len(self.failing) < MOST_FAILING and (run.anomalies, run.unseen) not in known:
            self.failing.append(run)


Tell = Callable[[Report, float], None]
"""Told now and then how far an exploration is: the report so far, and the share of the work that is done (0 to 1)."""
