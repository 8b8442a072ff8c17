"""Each entry of the gallery as a scenario's factory: ``testbed explore --saga chaos.gallery.wrong:no_barrier``."""

from __future__ import annotations

from collections.abc import Callable

from chaos.explorer.scenario import Scenario
from chaos.gallery.registry import entry_of


def __getattr__(name: str) -> Callable[[], Scenario]:
    if name.startswith("__"):
        raise AttributeError(name)
    return entry_of(name).wrong
