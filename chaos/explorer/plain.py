"""Your own saga as a scenario: your participants, your steps, and a judge that knows only before and after.

docs/explorer-own-saga.md has an example that runs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import permutations
from pathlib import Path
from typing import Any

import requests

from backend.distributed_saga import DistributedSaga
from backend.saga.definition import SagaDefinition
from backend.saga.events import Event, EventType
from backend.saga.ports import NewSaga, SagaRecord
from backend.saga_log.memory import MemorySagaLog
from chaos.explorer.coordinator import work_off
from chaos.explorer.hub import START
from chaos.explorer.machines import AppOnFolder, Make, folder_of, nobody
from chaos.explorer.plain_judge import Observed, judge_plain
from chaos.explorer.remembered import Machine, Remembered
from chaos.explorer.run import System
from chaos.explorer.scenario import Judgement, Scenario
from chaos.explorer.tokens import Tokens
from chaos.explorer.wire import Request
from chaos.explorer.world import Process

AddSteps = Callable[[DistributedSaga, requests.Session], object]
"""Adds the steps of ``saga.saga_id`` to the saga; what they call, they call through the session."""
Observe = str | Callable[[Path], object]
"""Where one sees what a participant holds: a path to GET, or a function of its folder; compared by ``==``."""
SAGA_TYPE = "plain"
DEADLINE = 300.0  # virtual seconds until no forward attempt begins any more


class PlainScenario(Scenario):
    """Sagas over participants of your own.

    All or nothing, by looking: what the participants hold in the end must be what they would hold had the committed
    sagas run one after the other, in some order and without faults, and the others never. What a saga says of itself
    decides only which of them are the committed ones.

    Args:
        participants: name to what opens its app; the sagas reach it as ``http://<name>``.
        steps: adds a saga's steps; or several sagas, by name.
        observe: what each participant that is to be judged shows, by participant.
        before: brings about what was there before the sagas, through the session it is given.
        headers: makes the headers of a GET in ``observe``.
        workers: coordinators from the start.
        one_at_a_time: the engine runs one of several sagas after the other, as it does for sagas of one project (R11).
    """

    machine: type[AppOnFolder] = AppOnFolder

    def __init__(
        self,
        name: str,
        *,
        participants: Mapping[str, Make],
        steps: AddSteps | Mapping[str, AddSteps],
        observe: Mapping[str, Observe],
        before: Callable[[requests.Session], object] = lambda session: None,
        headers: Callable[[], Mapping[str, str]] = dict,
        workers: int = 1,
        one_at_a_time: bool = True,
    ) -> None:
        self.name, self.participants, self._observe = name, dict(participants), observe
        self.steps = dict(steps) if isinstance(steps, Mapping) else {"saga": steps}
        self._before, self._headers = before, headers
        self._workers, self._one_at_a_time = workers, one_at_a_time

    def machines(self, folder: Path, tokens: Tokens) -> list[AppOnFolder]:
        return [self.machine(name, folder / name, make) for name, make in self.participants.items()]

    def past(self, system: System) -> None:
        self._before(system.session(Process("past")))
        states = {name: participant.state for name, participant in system.participants.items()}
        expected: dict[frozenset[str], list[Observed]] = {}
        for order in _orders(list(self.steps)):
            for name, state in states.items():
                system.participants[name].state = state
            system.durable["log"] = _log_that_asks_for(order, self._one_at_a_time)
            if order:
                system.world.start()
                system.world.run()
            expected.setdefault(frozenset(order), []).append(self.look(system.participants))
        for name, state in states.items():
            system.participants[name].state = state
        system.durable.update(log=MemorySagaLog(), expected=expected)
        system.world.passed.clear()

    def keep(self, durable: Mapping[str, object]) -> dict[str, object]:
        log = durable["log"]
        return {**durable, "log": log.copy() if isinstance(log, MemorySagaLog) else log}

    def begin(self, system: System) -> None:
        system.durable["log"] = _log_that_asks_for(list(self.steps), self._one_at_a_time)

    def work(self, system: System, process: Process) -> None:
        work_off(system, process, _Source(self.steps, system.session(process)), self.lease)

    def judge(self, system: System) -> Judgement:
        return judge_plain(system, self.look(system.participants))

    def workers(self) -> int:
        return self._workers

    def look(self, participants: Mapping[str, Remembered]) -> Observed:
        """What the participants hold now; looked at once per state."""
        return {name: participants[name].fact("observed", self._look_at(how)) for name, how in self._observe.items()}

    def _look_at(self, how: Observe) -> Callable[[Machine], object]:
        def look(machine: Machine) -> object:
            if callable(how):
                return how(folder_of(machine))
            headers = {name.lower(): value for name, value in self._headers().items()}
            answer = machine.call(Request("GET", how, headers), nobody)
            if answer.status >= 500 or answer.status in (401, 403):
                raise AssertionError(f"GET {how} of {machine.name} is answered {answer.status}: nothing can be seen")
            return answer.status, answer.body.decode()

        return look


class _Source:
    """The worker's sagas; built anew by every process, as your own program does when it starts again."""

    saga_type = SAGA_TYPE

    def __init__(self, steps: Mapping[str, AddSteps], session: requests.Session) -> None:
        self._steps, self._session = steps, session

    def prepare(self, record: SagaRecord, note: Callable[[dict[str, Any]], None]) -> SagaDefinition:
        return self.recover(record)

    def recover(self, record: SagaRecord) -> SagaDefinition:
        return define(self._steps[record.saga_id], record.saga_id, self._session)

    def deadline(self, record: SagaRecord) -> float:
        return record.created_at + DEADLINE


def define(steps: AddSteps, saga_id: str, session: requests.Session) -> SagaDefinition:
    """The saga that ``steps`` makes."""
    saga = DistributedSaga(saga_id)
    steps(saga, session)
    return SagaDefinition(tuple(saga.steps))


def _orders(sagas: list[str]) -> Iterator[list[str]]:
    """Every choice of the sagas in every order."""
    for count in range(len(sagas) + 1):
        yield from map(list, permutations(sagas, count))


def _log_that_asks_for(sagas: list[str], one_at_a_time: bool) -> MemorySagaLog:
    log = MemorySagaLog()
    for saga_id in sagas:
        project = "all" if one_at_a_time else saga_id
        asked = Event(EventType.REQUESTED, START, None, {"project": project, "user": "explorer"})
        log.create(NewSaga(saga_id, SAGA_TYPE, project, "explorer", {}), asked)
    return log
