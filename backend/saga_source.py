"""Where a worker's sagas come from."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from backend.saga.definition import SagaDefinition
from backend.saga.ports import SagaRecord


class PreparationFailed(Exception):
    """Steps 1 to 3 did not make a wiki; there was no effect, so there is nothing to undo."""


class SagaSource(Protocol):
    """Knows how a saga of its type is prepared, and how it is rebuilt when its content is gone."""

    saga_type: str

    def prepare(self, record: SagaRecord, note: Callable[[dict[str, Any]], None]) -> SagaDefinition:
        """Do what comes before the first effect; ``note`` is told what was made. Raises PreparationFailed."""

    def recover(self, record: SagaRecord) -> SagaDefinition:
        """The definition for rolling back or completing a saga that somebody else began."""

    def deadline(self, record: SagaRecord) -> float:
        """Wall-clock seconds after which no forward attempt begins."""
