"""All entries, by their names. A new one is one file in ``engines`` or ``sagas``, or a line in
``participant_entries``.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Mapping
from functools import lru_cache
from importlib import import_module

from chaos.gallery import engines, sagas
from chaos.gallery.entry import Entry
from chaos.gallery.participant_entries import PARTICIPANTS


@lru_cache
def entries() -> Mapping[str, Entry]:
    """Public name to entry: sagas, engines, participants, each in order of their names."""
    found = [
        import_module(f"{package.__name__}.{module.name}").ENTRY
        for package in (sagas, engines)
        for module in pkgutil.iter_modules(package.__path__)
    ]
    return {entry.name: entry for entry in (*found, *PARTICIPANTS)}


def entry_of(identifier: str) -> Entry:
    """The entry of this name, with ``_`` or ``-``.

    Raises:
        AttributeError: there is none.
    """
    name = identifier.replace("_", "-")
    if name not in entries():
        raise AttributeError(f"the gallery has no {name!r}: it has {', '.join(entries())}")
    return entries()[name]
