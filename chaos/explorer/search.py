"""Which schedules are run: all with up to K faults, or many at random.

Complete by construction: a run tells every point that it passed; each of them after the last thing that its schedule
brought about gets each kind of fault in turn, and each call there is overtaken by every call that was lost so far. What
lies before went as in the run without that last thing, and was extended there.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace

from chaos.explorer.run import Run, Stage
from chaos.explorer.schedule import Fault, FaultKind, Point, Schedule

AT_THE_END = -1
MOST_RANDOM_FAULTS = 4


def extensions(stage: Stage, run: Run) -> Iterator[Run]:
    """The runs with one more fault, at each point after the last thing that happened; a late call is late for ever."""
    return map(stage.run, longer(run))


def longer(run: Run) -> Iterator[Schedule]:
    """The schedules of the ``extensions``."""
    for passed in run.passed[_first_open(run) :]:
        for kind in passed.kinds:
            yield _with(run.schedule, passed.point, kind)


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
        run = stage.run(_with(run.schedule, passed.point, kind, late))
        runs.append(run)
    return runs


def _deeper(stage: Stage, run: Run, faults: int) -> Iterator[Run]:
    for sooner in arrivals(stage, run):
        yield sooner
        yield from _deeper(stage, sooner, faults)
    if len(run.schedule.faults) < faults:
        for extended in extensions(stage, run):
            yield extended
            yield from _deeper(stage, extended, faults)


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


def _with(schedule: Schedule, point: Point, kind: FaultKind, overtaken_by: int = AT_THE_END) -> Schedule:
    fault = Fault(point, kind, overtaken_by if kind is FaultKind.LATE else 0)
    return schedule.with_faults((*schedule.faults, fault))
