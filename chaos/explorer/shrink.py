"""From a failing schedule to a minimal one: nothing can be taken away without losing the anomaly.

Delta debugging (Zeller and Hildebrandt, "Simplifying and Isolating Failure-Inducing Input", 2002). Schedules have a
handful of faults, so its last phase does: take away one thing at a time, until no single thing can go.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from chaos.auditor.verdicts import Verdict
from chaos.explorer.run import Run, Stage
from chaos.explorer.schedule import Fault, FaultKind, Schedule


def shrink(stage: Stage, failing: Run) -> Run:
    """The run of a minimal schedule that shows one of the anomalies of ``failing`` (the first, where it can).

    Raises:
        ValueError: ``failing`` is not invalid.
    """
    if failing.verdict is not Verdict.INVALID:
        raise ValueError(f"there is nothing to shrink: the run is {failing.verdict}")
    wanted = failing.anomalies[0]
    best = failing
    while smaller := next(_failing(stage, best, wanted), None):
        best = smaller
    return best


def is_minimal(stage: Stage, run: Run) -> bool:
    """Whether nothing can be taken away from the run's schedule."""
    return next(_failing(stage, run, run.anomalies[0]), None) is None


def _failing(stage: Stage, run: Run, wanted: str) -> Iterator[Run]:
    for schedule in _smaller(run.schedule):
        tried = stage.run(schedule)
        if wanted in tried.anomalies:
            yield tried


def _smaller(schedule: Schedule) -> Iterator[Schedule]:
    """One fault less; no chance in who runs next; a late call that is less late."""
    faults = schedule.faults
    for number in range(len(faults)):
        yield schedule.with_faults(faults[:number] + faults[number + 1 :])
    if schedule.seed is not None:
        yield replace(schedule, seed=None)
    for number, fault in enumerate(faults):
        if fault.kind is FaultKind.LATE and fault.overtaken_by != 1:
            earlier = fault.overtaken_by - 1 if fault.overtaken_by > 1 else 1
            if earlier < fault.overtaken_by:
                yield schedule.with_faults((*faults[:number], _less_late(fault, earlier), *faults[number + 1 :]))


def _less_late(fault: Fault, overtaken_by: int) -> Fault:
    return replace(fault, overtaken_by=overtaken_by)
