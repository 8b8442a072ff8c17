"""Documents in batches that a request can carry."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Protocol, TypeVar


class HasText(Protocol):
    """Whatever has a text."""

    @property
    def text(self) -> str: ...


D = TypeVar("D", bound=HasText)


def batched(documents: Iterable[D], most: int, characters: int) -> Iterator[list[D]]:
    """Batches of at most ``most`` documents, and of at most ``characters`` unless one document alone has more."""
    batch: list[D] = []
    size = 0
    for document in documents:
        if batch and (len(batch) == most or size + len(document.text) > characters):
            yield batch
            batch, size = [], 0
        batch.append(document)
        size += len(document.text)
    if batch:
        yield batch
