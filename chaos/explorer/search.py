"""Which schedules are run: all with up to K faults, or many at random.

Complete by construction: a run tells every point that it passed; each of them after the last thing that its schedule
brought about gets each kind of fault in turn, and each call there is overtaken by every call that was lost so far. What
lies before went as in the run without that last thing, and was extended there.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
import random
import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from multiprocessing.pool import Pool
from pathlib import Path
from typing import Any

from chaos.auditor.verdicts import Verdict
from chaos.explorer.record import Report, Tell
from chaos.explorer.run import Run, Stage, on_stage, stage_folder
from chaos.explorer.scenario import Scenario
from chaos.explorer.schedule import Fault, FaultKind, Point, Schedule
from chaos.explorer.shrink import shrink

AT_THE_END = -1
MOST_RANDOM_FAULTS = 4


def extensions(stage: Stage, run: Run) -> Iterator[Run]:
    """The runs with one more fault, at each point after the last thing that happened; a late call is late for ever."""
    for passed in run.passed[_first_open(run) :]:
        for kind in passed.kinds:
            yield stage.run(_with(run.schedule, _fault(passed.point, kind)))


def arrivals(stage: Stage, run: Run) -> Iterator[Run]:
    """The runs in which one of the calls that are late for ever arrives before a later call: each that matters to it.

    They have as many faults as ``run``.
    """
    faults, first = run.schedule.faults, _first_open(run)
    paused = {fault.point for fault in faults if fault.kind is FaultKind.PAUSED}
    arrived = _arrived(run)
    for which, fault in enumerate(faults):
        if fault.kind is not FaultKind.LATE or fault.overtaken_by != AT_THE_END:
            continue
        met = _met_by(stage, run, _participant_of(fault.point))
        for overtaken_by, number in enumerate(_later_calls(run, fault), start=1):
            here = run.passed[number].point
            is_open = number >= first or here in paused  # a paused coordinator's call sets out after all that passed
            in_turn = all(other < which for other, at in arrived.items() if at == number)
            if is_open and in_turn and _participant_of(here) in met:
                sooner = replace(fault, overtaken_by=overtaken_by)
                yield stage.run(run.schedule.with_faults((*faults[:which], sooner, *faults[which + 1 :])))


def explored(stage: Stage, schedule: Schedule, faults: int) -> Iterator[Run]:
    """The run of ``schedule``, and those of all schedules that add up to ``faults`` faults to it, later on."""
    run = stage.run(schedule)
    yield run
    yield from _deeper(stage, run, faults)


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
    began = time.monotonic()
    report = Report(scenario.name, faults)
    with on_stage(scenario) as stage:
        base = stage.base
        report.take(base)
        if processes == 1 or faults == 0:
            _alone(stage, base, report, faults, tell, stop_at_first)
        else:
            report.real_calls += stage.real_calls.total()
            _shared(scenario, base, report, faults, processes, tell, stop_at_first)
        _shrink_failing(stage, report)
        report.seconds = time.monotonic() - began
    return report


def explore_at_random(
    scenario: Scenario, *, count: int, seed: int, processes: int = 1, tell: Tell | None = None
) -> Report:
    """Run ``count`` schedules with chance in who runs next and up to four faults at random points.

    Each schedule is made step by step, so that every fault of it meets a point that is there; all runs count.
    """
    began = time.monotonic()
    report = Report(scenario.name, MOST_RANDOM_FAULTS)
    seeds = [seed * 1_000_003 + number for number in range(count)]
    chunks = [seeds[start : start + 25] for start in range(0, count, 25)]
    with on_stage(scenario) as stage:
        if processes == 1:
            for number, chunk in enumerate(chunks, start=1):
                report.add(_random_runs(stage, chunk))
                _tell(tell, report, began, number / len(chunks))
        else:
            with _pool(scenario, processes) as pool:
                for number, part in enumerate(pool.imap(_random_in_pool, chunks), start=1):
                    report.add(part)
                    _tell(tell, report, began, number / len(chunks))
        report.real_calls += stage.real_calls.total()
        _shrink_failing(stage, report)
        report.seconds = time.monotonic() - began
    return report


def random_schedule(stage: Stage, seed: int) -> list[Run]:
    """The runs by which one random schedule comes about; the last one is the schedule's."""
    chance = random.Random(seed)
    run = stage.run(Schedule(stage.scenario.name, seed=seed))
    runs = [run]
    for _ in range(chance.randint(1, MOST_RANDOM_FAULTS)):
        ahead = run.passed[_first_open(run) :]
        if not ahead:
            break
        passed = chance.choice(ahead)
        kind = chance.choice(list(passed.kinds))
        late = chance.choice((1, 2, 3, AT_THE_END)) if kind is FaultKind.LATE else 0
        run = stage.run(_with(run.schedule, Fault(passed.point, kind, late)))
        runs.append(run)
    return runs


def _deeper(stage: Stage, run: Run, faults: int) -> Iterator[Run]:
    for sooner in arrivals(stage, run):
        yield sooner
        yield from _deeper(stage, sooner, faults)
    if len(run.schedule.faults) < faults:
        for longer in extensions(stage, run):
            yield longer
            yield from _deeper(stage, longer, faults)


def _participant_of(point: Point) -> str:
    return point.what.partition(" → ")[2].partition(":")[0]


def _met_by(stage: Stage, run: Run, participant: str) -> set[str]:
    """The participant, and whomever it calls while it works on a request, itself or through others, as far as seen."""
    asks = {(p.point.what.partition(" → ")[0], _participant_of(p.point)) for p in (*stage.base.passed, *run.passed)}
    met, before = {participant}, 0
    while len(met) > before:
        before = len(met)
        met |= {target for source, target in asks if source in met}
    return met


def _later_calls(run: Run, late: Fault) -> list[int]:
    """The calls that count for a late one (see ``Fault.overtaken_by``): the numbers of their points in ``run``."""
    own, participant = _number_of(run, late.point), _participant_of(late.point)
    numbers = [call.number for call in run.carried]
    if own not in numbers:
        return []
    later = run.carried[numbers.index(own) + 1 :]
    return [call.number for call in later if participant not in call.inside]


def _arrived(run: Run) -> dict[int, int]:
    """Which of the schedule's faults is a late call that arrived, and before which point's call."""
    found: dict[int, int] = {}
    for which, fault in enumerate(run.schedule.faults):
        if fault.kind is FaultKind.LATE and fault.overtaken_by != AT_THE_END:
            found.update((which, number) for number in _later_calls(run, fault)[fault.overtaken_by - 1 :][:1])
    return found


def _number_of(run: Run, point: Point) -> int:
    """Of the point among those that the run passed; how many these are when it did not come to it."""
    return next((number for number, passed in enumerate(run.passed) if passed.point == point), len(run.passed))


def _first_open(run: Run) -> int:
    """The first point that comes after the last fault, and not before the last arrival of a late call."""
    after_faults = [_number_of(run, fault.point) + 1 for fault in run.schedule.faults]
    return max([0, *after_faults, *_arrived(run).values()])


def _fault(point: Point, kind: FaultKind) -> Fault:
    return Fault(point, kind, AT_THE_END if kind is FaultKind.LATE else 0)


def _with(schedule: Schedule, fault: Fault) -> Schedule:
    return schedule.with_faults((*schedule.faults, fault))


def _alone(stage: Stage, base: Run, report: Report, faults: int, tell: Tell | None, stop_at_first: bool) -> None:
    began, called = time.monotonic(), stage.real_calls.total()
    points = {passed.point: number for number, passed in enumerate(base.passed, start=1)}
    for run in _deeper(stage, base, faults):
        report.take(run)
        report.real_calls = stage.real_calls.total() - called
        if tell is not None and report.runs % 100 == 0:
            _tell(tell, report, began, points[run.schedule.faults[0].point] / len(points))
        if stop_at_first and report.failing:
            return


def _shared(
    scenario: Scenario,
    base: Run,
    report: Report,
    faults: int,
    processes: int,
    tell: Tell | None,
    stop_at_first: bool,
) -> None:
    """Each task is one first fault with all that can follow; results come in order, so the report stays the same."""
    began = time.monotonic()
    tasks = [(base, passed.point, kind, faults) for passed in base.passed for kind in passed.kinds]
    with _pool(scenario, processes) as pool:
        for number, part in enumerate(pool.imap(_subtree_in_pool, tasks), start=1):
            report.add(part)
            _tell(tell, report, began, number / len(tasks))
            if stop_at_first and report.failing:
                return


def _shrink_failing(stage: Stage, report: Report) -> None:
    """One minimal run for each set of anomalies that was found."""
    seen: set[Any] = set()
    for run in report.failing:
        if run.verdict is Verdict.INVALID and run.anomalies not in seen:
            seen.add(run.anomalies)
            smallest = shrink(stage, run)
            if smallest.schedule not in [one.schedule for one in report.minimal]:
                report.minimal.append(smallest)


def _tell(tell: Tell | None, report: Report, began: float, share: float) -> None:
    if tell is not None:
        tell(replace(report, seconds=time.monotonic() - began), share)


# --- in a process of the pool -----------------------------------------------------------------------------------------

_stage: Stage | None = None


@contextmanager
def _pool(scenario: Scenario, processes: int) -> Iterator[Pool]:
    """Processes with a stage each. They end with the block, whatever they are at, and their folders with them."""
    context = multiprocessing.get_context("fork")  # a scenario may be anybody's object: it need not be picklable
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # Python loses a Ctrl-C in the middle of a fork
    try:
        with stage_folder() as folder, context.Pool(processes, _open_stage, (scenario, folder)) as pool:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
            yield pool
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _open_stage(scenario: Scenario, folder: Path) -> None:
    global _stage  # noqa: PLW0603 - a pool's process has one stage, for as long as it lives
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches everybody; who began all this ends it
    logging.disable(logging.CRITICAL)
    _stage = Stage(scenario, folder / str(os.getpid()))


def _subtree_in_pool(task: tuple[Run, Point, FaultKind, int]) -> Report:
    base, point, kind, faults = task
    if _stage is None:
        raise AssertionError("the pool's process has no stage")
    report, called = Report(_stage.scenario.name, faults), _stage.real_calls.total()
    run = _stage.run(_with(base.schedule, _fault(point, kind)))
    report.take(run)
    for longer in _deeper(_stage, run, faults):
        report.take(longer)
    report.real_calls = _stage.real_calls.total() - called
    return report


def _random_in_pool(seeds: Sequence[int]) -> Report:
    if _stage is None:
        raise AssertionError("the pool's process has no stage")
    return _random_runs(_stage, seeds)


def _random_runs(stage: Stage, seeds: Sequence[int]) -> Report:
    report, called = Report(stage.scenario.name, MOST_RANDOM_FAULTS), stage.real_calls.total()
    for seed in seeds:
        for run in random_schedule(stage, seed):
            report.take(run)
    report.real_calls = stage.real_calls.total() - called
    return report
