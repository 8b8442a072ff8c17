"""An engine of the gallery over the real servers, and over the little participants."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, cast

from backend.saga.definition import SagaDefinition
from backend.saga.ports import SagaLog, SagaRecord
from chaos.explorer.plain import SAGA_TYPE, PlainScenario, define
from chaos.explorer.run import System
from chaos.explorer.saga_log import LogOfProcess
from chaos.explorer.scenario import Anomaly, Finding, Judgement
from chaos.explorer.wiki import WIKI, WikiScenario, WikiSource
from chaos.explorer.world import Process
from chaos.gallery.items import ingredients
from chaos.gallery.little_engine import LittleEngine

TOLD = "told"
"""What clients heard, beside the log: a run keeps it, whoever dies."""


class WikiUnder(WikiScenario):
    """The wiki saga over the real servers, driven by another engine, judged by the auditor.

    What was there before was put there by the real engine.
    """

    def __init__(self, name: str, engine: type[LittleEngine] = LittleEngine) -> None:
        self.name, self.engine = name, engine

    def keep(self, durable: Mapping[str, object]) -> dict[str, object]:
        return {**super().keep(durable), TOLD: {}}

    def work(self, system: System, process: Process) -> None:
        if TOLD not in system.durable:  # the past
            return super().work(system, process)
        source = WikiSource(self, system, system.session(process))
        log = cast(SagaLog, LogOfProcess(system.durable["log"], system.world, process))
        told = system.durable[TOLD]
        return self.engine(
            log,
            system.world.clock,
            process.name,
            self.lease,
            WIKI,
            lambda record: source.prepare(record, _nothing),
            told,
        ).work()

    def judge(self, system: System) -> Judgement:
        judged = super().judge(system)
        more = (*parked(judged.states), *told_otherwise(system, judged.states))
        return Judgement((*more, *judged.findings), judged.unseen, judged.states)


class ItemsUnder(PlainScenario):
    """The saga over items at two participants, driven by another engine."""

    def __init__(self, name: str, engine: type[LittleEngine] = LittleEngine, **more: Any) -> None:
        super().__init__(name, **ingredients(**more))
        self.engine = engine

    def keep(self, durable: Mapping[str, object]) -> dict[str, object]:
        return {**super().keep(durable), TOLD: {}}

    def work(self, system: System, process: Process) -> None:
        session = system.session(process)

        def definition_of(record: SagaRecord) -> SagaDefinition:
            return define(self.steps[record.saga_id], record.saga_id, session)

        log = cast(SagaLog, LogOfProcess(system.durable["log"], system.world, process))
        told = system.durable.setdefault(TOLD, {})
        self.engine(log, system.world.clock, process.name, self.lease, SAGA_TYPE, definition_of, told).work()

    def judge(self, system: System) -> Judgement:
        judged = super().judge(system)
        return Judgement((*judged.findings, *told_otherwise(system, judged.states)), judged.unseen, judged.states)


def parked(states: Mapping[str, str]) -> Iterator[Finding]:
    """A rollback that came to no end though all faults are over; the auditor leaves it to the operator."""
    for saga_id, state in states.items():
        if state == "failed":
            evidence = "its rollback came to no end, and no fault is left that would explain it"
            yield Finding(Anomaly.STUCK, "A3", f"saga {saga_id}", evidence, saga_id)


def told_otherwise(system: System, states: Mapping[str, str]) -> Iterator[Finding]:
    """A client was told of a success that is none (R8)."""
    for saga_id, status in system.durable[TOLD].items():
        if status == "success" and states.get(saga_id) != "committed":
            evidence = f"the client was told of its success, and it is {states.get(saga_id)}"
            yield Finding(Anomaly.FALSE_COMMITTED, "A4", f"saga {saga_id}", evidence, saga_id)


def _nothing(made: object) -> None:
    """Nobody wants to know what was prepared."""
