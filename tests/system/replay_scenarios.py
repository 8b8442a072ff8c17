"""Scenarios for tests of the replay: coordinators with a disk of their own making, and one that breaks off."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from chaos.explorer.machines import AppOnFolder
from chaos.explorer.run import System
from chaos.explorer.saga_log import durable_write
from chaos.explorer.scenario import Anomaly, Finding, Judgement, Scenario
from chaos.explorer.tokens import Tokens
from chaos.explorer.world import Process
from chaos.gallery.items import opened

ENTRIES = 3


class Journal(Scenario):
    """Coordinators that keep a journal, a plain list, and count on nobody else writing to it."""

    def machines(self, folder: Path, tokens: Tokens) -> Sequence[AppOnFolder]:
        return [AppOnFolder("shop", folder / "shop", opened("right"))]

    def keep(self, durable: Mapping[str, object]) -> dict[str, object]:
        return {"journal": []}

    def begin(self, system: System) -> None: ...

    def work(self, system: System, process: Process) -> None:
        journal: list[tuple[str, int]] = system.durable["journal"]
        session = system.session(process)
        while len(journal) < ENTRIES:
            number = len(journal) + 1
            session.post("http://shop/nothing", json={"number": number}, timeout=5)
            entry = (process.name, number)
            durable_write(system.world, process, f"entry {number}", lambda entry=entry: journal.append(entry))

    def judge(self, system: System) -> Judgement:
        states = {str(place): f"{who} {number}" for place, (who, number) in enumerate(system.durable["journal"])}
        double = Finding(Anomaly.DOUBLE_EFFECT, "R9", "the journal", "an entry was written twice")
        return Judgement((double,) if len(states) > ENTRIES else (), states=states)


class Broken(Journal):
    """Its coordinator has a defect that is no saga's."""

    def work(self, system: System, process: Process) -> None:
        system.session(process).post("http://shop/nothing", timeout=5)
        raise LookupError("where was I?")


class Unwritable(Journal):
    """What its coordinators keep cannot be on any disk."""

    def keep(self, durable: Mapping[str, object]) -> dict[str, object]:
        return {"journal": [], "generator": (number for number in ())}
