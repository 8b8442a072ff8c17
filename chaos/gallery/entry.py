"""What the gallery knows of one wrong saga, engine or participant."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from chaos.explorer.scenario import Anomaly, Scenario
from chaos.gallery.engine_scenarios import ItemsUnder, WikiUnder
from chaos.gallery.little_engine import LittleEngine

MakeScenario = Callable[[str], Scenario]
"""Makes a scenario of this name."""


class Kind(StrEnum):
    """Where the bug is."""

    SAGA = "saga"
    """In the steps that somebody wrote, under a right engine."""
    ENGINE = "engine"
    """In what drives the steps."""
    PARTICIPANT = "participant"
    """In a service that takes part."""


@dataclass(frozen=True)
class Entry:
    """One of the gallery.

    Attributes:
        name: public.
        title: the bug in half a sentence.
        make: the scenario with the bug; ``mended``: the same without it.
        expected: what the explorer must find.
        faults: how many faults it takes at the least.
        module: where the bug is written down; its docstring says where it was seen.
    """

    name: str
    title: str
    kind: Kind
    make: MakeScenario
    mended: MakeScenario
    expected: Anomaly
    module: str
    faults: int = 1

    @property
    def saga(self) -> str:
        """As ``testbed explore --saga`` takes it."""
        return f"chaos.gallery.wrong:{self.identifier}"

    @property
    def identifier(self) -> str:
        return self.name.replace("-", "_")

    @property
    def seen(self) -> str:
        """The paragraph that names the bug and where it was seen."""
        return (sys.modules[self.module].__doc__ or "").strip()

    def wrong(self) -> Scenario:
        """The scenario with the bug, under the name that a schedule can be replayed by."""
        return self.make(self.saga)

    def right(self) -> Scenario:
        """The scenario without the bug."""
        return self.mended(f"chaos.gallery.mended:{self.identifier}")


def over_wiki(engine: type[LittleEngine], title: str, expected: Anomaly, faults: int = 1) -> Entry:
    """A wrong engine, with the wiki saga over the real servers."""
    return _engine(engine, title, expected, faults, WikiUnder)


def over_items(engine: type[LittleEngine], title: str, expected: Anomaly, faults: int = 1) -> Entry:
    """A wrong engine, with the saga over the little participants."""
    return _engine(engine, title, expected, faults, ItemsUnder)


def _engine(
    engine: type[LittleEngine],
    title: str,
    expected: Anomaly,
    faults: int,
    scenario: type[WikiUnder] | type[ItemsUnder],
) -> Entry:
    return Entry(
        name_of(engine.__module__),
        title,
        Kind.ENGINE,
        lambda name: scenario(name, engine),
        scenario,
        expected,
        engine.__module__,
        faults,
    )


def name_of(module: str) -> str:
    """The public name of the entry in a module."""
    return module.rpartition(".")[2].replace("_", "-")
