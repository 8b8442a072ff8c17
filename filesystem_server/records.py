"""What the store is asked and answers. No HTTP, no IO."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from service_kit.barrier import Branch, Effect, State


def sha256(content: bytes) -> str:
    """Lower-case hex."""
    return hashlib.sha256(content).hexdigest()


@dataclass(frozen=True)
class Writer:
    """In whose name something is written: a saga's, or nobody's (a plain write).

    Attributes:
        saga_id: None for a plain write.
        key: the request's Idempotency-Key, None when it has none.
    """

    saga_id: str | None = None
    key: str | None = None

    def branch(self, project: str) -> Branch:
        """Where the request's records are kept; plain writes are the branch of saga ''."""
        return Branch(self.saga_id or "", project)


@dataclass(frozen=True)
class Saved:
    """The answer to the save of one file.

    Attributes:
        sha256: of the content that was saved.
        size: in bytes.
        replaced: sha256 of the content that was there before, None when the file is new.
    """

    filename: str
    sha256: str
    size: int
    replaced: str | None

    def text(self) -> str:
        """For the barrier, which keeps first answers as text."""
        return json.dumps([self.filename, self.sha256, self.size, self.replaced])

    @classmethod
    def of_text(cls, text: str) -> Saved:
        return cls(*json.loads(text))


@dataclass(frozen=True)
class Listed:
    """One row of a project's listing; ``pending`` is the open saga that holds the file."""

    filename: str
    size: int
    sha256: str
    pending: str | None


@dataclass(frozen=True)
class Page:
    """Part of a listing; ``next`` is the ``after`` of the following page, None on the last."""

    files: Sequence[Listed]
    next: str | None


@dataclass(frozen=True)
class SagaItem:
    """One file that a saga wrote; ``state`` says what became of the write."""

    filename: str
    sha256: str
    size: int
    replaced: str | None
    state: Effect


@dataclass(frozen=True)
class SagaReport:
    """What this participant knows of a saga in one project."""

    saga_id: str
    project: str
    state: State
    items: Sequence[SagaItem]


def saga_item(text: str, effect: Effect) -> SagaItem:
    """The item of a first answer that the barrier kept."""
    return SagaItem(**asdict(Saved.of_text(text)), state=effect)


def fingerprint(action: str, files: Mapping[str, str]) -> str:
    """One word for what a request asks: its action and its files (name to sha256, or to '')."""
    return sha256(json.dumps([action, *sorted(files.items())]).encode())
