"""Each entry of the gallery without its bug: ``testbed explore --saga chaos.gallery.mended:no_barrier``."""

from __future__ import annotations

from collections.abc import Callable

from chaos.explorer.scenario import Scenario
from chaos.gallery.registry import entry_of


def __getattr__(name: str) -> Callable[[], Scenario]:
    if name.startswith("__"):
        raise AttributeError(name)
    return entry_of(name).right
