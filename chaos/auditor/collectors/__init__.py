"""One collector per source: each reads with its own eyes and brings facts home, or says why it is blind."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from chaos.auditor.facts import Source

T = TypeVar("T")


def look(name: str, collect: Callable[[], T]) -> Source[T]:
    """What ``collect`` brings home; whatever it raises makes the source blind."""
    try:
        return Source(collect())
    except Exception as error:  # a collector that crashed saw nothing, and nothing is no proof
        return Source(blind=f"{name}: {error or type(error).__name__}")
