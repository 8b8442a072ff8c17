"""One exploration: the search, done by this process or by several, what it came to, and what failed made minimal."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from chaos.auditor.verdicts import Verdict
from chaos.explorer.record import Report, Tell
from chaos.explorer.run import Run, Stage, on_stage, stage_folder
from chaos.explorer.scenario import Scenario
from chaos.explorer.schedule import Schedule
from chaos.explorer.search import MOST_RANDOM_FAULTS, explored, longer, random_schedule
from chaos.explorer.shrink import shrink

T = TypeVar("T")
Work = Callable[[Stage, T], Report]
"""Does one task on a stage."""


def explore(
    scenario: Scenario,
    *,
    faults: int = 1,
    processes: int = 1,
    tell: Tell | None = None,
    stop_at_first: bool = False,
) -> Report:
    """Run every schedule with up to ``faults`` faults.

    Args:
        processes: how many share the work.
        stop_at_first: end with the first schedule that is not valid.
    """

    def tasks(stage: Stage) -> list[tuple[Schedule, int]]:
        """The run without a fault, and each first fault with all that can follow."""
        firsts = longer(stage.base) if faults else ()
        return [(stage.base.schedule, 0), *((first, faults) for first in firsts)]

    work = partial(_explored, stop_at_first=stop_at_first)
    return _carried_out(scenario, faults, tasks, work, processes, tell, stop_at_first)


def explore_at_random(
    scenario: Scenario,
    *,
    count: int,
    seed: int,
    processes: int = 1,
    tell: Tell | None = None,
    stop_at_first: bool = False,
) -> Report:
    """Run ``count`` schedules with chance in who runs next and up to four faults at random points.

    Each schedule is made step by step, so that every fault of it meets a point that is there; all runs count.
    """
    seeds = [seed * 1_000_003 + number for number in range(count)]
    work = partial(_random, stop_at_first=stop_at_first)
    return _carried_out(scenario, MOST_RANDOM_FAULTS, lambda stage: seeds, work, processes, tell, stop_at_first)


def _carried_out(
    scenario: Scenario,
    faults: int,
    tasks_on: Callable[[Stage], Sequence[T]],
    work: Work[T],
    processes: int,
    tell: Tell | None,
    stop_at_first: bool,
) -> Report:
    """Results come in the order of the tasks, so the report is the same whoever did them."""
    began = time.monotonic()
    report = Report(scenario.name, faults)
    with on_stage(scenario) as stage:
        tasks = tasks_on(stage)
        report.real_calls = stage.real_calls.total()
        with _workers(stage, processes) as do:
            for number, part in enumerate(do(work, tasks), start=1):
                report.add(part)
                if tell is not None:
                    tell(replace(report, seconds=time.monotonic() - began), number / len(tasks))
                if stop_at_first and report.failing:
                    break
        _shrink_failing(stage, report)
    report.seconds = time.monotonic() - began
    return report


def _explored(stage: Stage, task: tuple[Schedule, int], *, stop_at_first: bool) -> Report:
    schedule, faults = task
    return _counted(stage, faults, explored(stage, schedule, faults), stop_at_first)


def _random(stage: Stage, seed: int, *, stop_at_first: bool) -> Report:
    return _counted(stage, MOST_RANDOM_FAULTS, random_schedule(stage, seed), stop_at_first)


def _counted(stage: Stage, faults: int, runs: Iterable[Run], stop_at_first: bool) -> Report:
    report, called = Report(stage.scenario.name, faults), stage.real_calls.total()
    for run in runs:
        report.take(run)
        if stop_at_first and report.failing:
            break
    report.real_calls = stage.real_calls.total() - called
    return report


def _shrink_failing(stage: Stage, report: Report) -> None:
    """One minimal run for each set of anomalies that was found."""
    seen: set[Any] = set()
    for run in report.failing:
        if run.verdict is Verdict.INVALID and run.anomalies not in seen:
            seen.add(run.anomalies)
            smallest = shrink(stage, run)
            if smallest.schedule not in [one.schedule for one in report.minimal]:
                report.minimal.append(smallest)


# --- who does the work ------------------------------------------------------------------------------------------------


@contextmanager
def _workers(stage: Stage, processes: int) -> Iterator[Callable[[Work[T], Sequence[T]], Iterator[Report]]]:
    """Does tasks in their order: on this stage, or in as many processes with a stage each.

    The processes end with the block, whatever they are at, and their folders with them.
    """
    if processes == 1:
        yield lambda work, tasks: map(partial(work, stage), tasks)
        return
    context = multiprocessing.get_context("fork")  # a scenario may be anybody's object: it need not be picklable
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # Python loses a Ctrl-C in the middle of a fork
    try:
        with stage_folder() as folder, context.Pool(processes, _open_stage, (stage.scenario, folder)) as pool:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
            yield lambda work, tasks: pool.imap(partial(_in_pool, work), tasks)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


_stage: Stage | None = None


def _open_stage(scenario: Scenario, folder: Path) -> None:
    global _stage  # noqa: PLW0603 - a pool's process has one stage, for as long as it lives
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches everybody; who began all this ends it
    _stage = Stage(scenario, folder / str(os.getpid()))


def _in_pool(work: Work[T], task: T) -> Report:
    if _stage is None:
        raise AssertionError("the pool's process has no stage")
    return work(_stage, task)
