"""How soon a bug is found: every fault in order, against faults at random. ``python -m chaos.gallery.power [NAME ...]``

Systematic: all schedules with one fault in the order of their points, then all with two, until the first that is not
valid. Random: what ``testbed explore --random`` does, one to four faults at random points, chance in who runs next,
from ten seeds. Both count every schedule that they run.
"""

from __future__ import annotations

import statistics
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count, islice

from chaos.auditor.verdicts import Verdict
from chaos.explorer.run import Run, Stage, on_stage
from chaos.explorer.schedule import Schedule
from chaos.explorer.search import extensions, random_schedule
from chaos.gallery.entry import Entry
from chaos.gallery.registry import entries

SEEDS = 10
MOST = 500
"""Random schedules from one seed; who found nothing by then is taken to need so many."""


@dataclass(frozen=True)
class Power:
    """Schedules until the first counterexample.

    Attributes:
        systematic: in order.
        at_random: from each seed; MOST where none was found.
        faults_at_random: of the first counterexample from each seed: how many faults one has to look through.
    """

    entry: Entry
    systematic: int
    at_random: Sequence[int]
    faults_at_random: Sequence[int]

    @property
    def as_soon(self) -> int:
        """How many seeds found it with as many schedules as the systematic search."""
        return sum(needed <= self.systematic for needed in self.at_random)


def power_of(entry: Entry) -> Power:
    """Measure one entry."""
    with on_stage(entry.wrong()) as stage:
        systematic = _first(_in_order(stage, stage.run(Schedule(entry.saga)), entry.faults))
        at_random = [_first(islice(_at_random(stage, seed), MOST)) for seed in range(1, SEEDS + 1)]
    if systematic is None:
        raise AssertionError(f"{entry.name} is not found with {entry.faults} faults")
    return Power(
        entry,
        systematic[0],
        [found[0] if found else MOST for found in at_random],
        [len(found[1].schedule.faults) for found in at_random if found],
    )


def table(powers: Sequence[Power]) -> str:
    """The measurements in Markdown."""
    lines = [
        "| entry | faults | in order | at random, median | found at random as soon | faults in a random one |",
        "|---|---|---|---|---|---|",
    ]
    for power in powers:
        median = statistics.median(power.at_random)
        shown = f"more than {MOST}" if median >= MOST else f"{median:g}"
        faults = f"{statistics.mean(power.faults_at_random):.1f}" if power.faults_at_random else "-"
        lines.append(
            f"| {power.entry.name} | {power.entry.faults} | {power.systematic} | {shown} "
            f"| {power.as_soon} of {SEEDS} | {faults} |"
        )
    return "\n".join(lines)


def _in_order(stage: Stage, base: Run, faults: int) -> Iterator[Run]:
    """All runs with one fault, then all with two, and so on."""
    level = [base]
    for _ in range(faults):
        longer = []
        for run in level:
            for extended in extensions(stage, run):
                yield extended
                longer.append(extended)
        level = longer


def _at_random(stage: Stage, seed: int) -> Iterator[Run]:
    for number in count():
        yield from random_schedule(stage, seed * 1_000_003 + number)


def _first(runs: Iterator[Run]) -> tuple[int, Run] | None:
    return next(((number, run) for number, run in enumerate(runs, start=1) if run.verdict is Verdict.INVALID), None)


def main(names: Sequence[str]) -> None:
    """Print the table of the entries with these names; of all, when there are none."""
    powers = []
    for name, entry in entries().items():
        if not names or name in names:
            powers.append(power_of(entry))
            print(name, file=sys.stderr, flush=True)
    print(table(powers))


if __name__ == "__main__":
    main(sys.argv[1:])
