"""What the collectors bring home and the invariants judge: frozen records, no behaviour that needs a disk."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class CannotSee(Exception):
    """A source that an invariant needs was not readable; the message says why."""


@dataclass(frozen=True)
class Source(Generic[T]):
    """What one collector saw, or why it is blind."""

    value: T | None = None
    blind: str | None = None

    def get(self) -> T:
        """The facts.

        Raises:
            CannotSee: the collector is blind.
        """
        if self.blind is not None or self.value is None:
            raise CannotSee(self.blind or "nothing was collected")
        return self.value


@dataclass(frozen=True, slots=True)
class LogEvent:
    """One row of the saga log's ``events``."""

    position: int
    saga_id: str
    seq: int
    type: str
    step: str | None
    data: Mapping[str, Any]
    at: float | None = None
    hash: str | None = None


@dataclass(frozen=True, slots=True)
class LogRow:
    """One row of the saga log's ``sagas``."""

    saga_id: str
    saga_type: str
    project: str
    state: str
    closed: bool
    last_seq: int
    head: str | None = None


@dataclass(frozen=True)
class SagaLogFacts:
    """The whole log.

    Attributes:
        moved: the sagas that wrote to it while the audit looked elsewhere.
        chained: whether its events should carry hashes.
        gapless: whether a position that is missing proves that an event was removed.
    """

    events: Sequence[LogEvent]
    rows: Mapping[str, LogRow]
    moved: frozenset[str] = frozenset()
    chained: bool = False
    gapless: bool = True


@dataclass(frozen=True)
class FileFacts:
    """Files on disk: project to filename to sha256 (hex)."""

    projects: Mapping[str, Mapping[str, str]]
    unreadable: Sequence[str] = ()


@dataclass(frozen=True)
class CommitFacts:
    """One commit that a ref leads to.

    Attributes:
        saga_id, snapshot_id: what its trailers name, or None.
        files: path to sha256 of the content.
        on_main: whether refs/heads/main leads to it.
    """

    commit: str
    saga_id: str | None
    snapshot_id: str | None
    files: Mapping[str, str]
    on_main: bool


@dataclass(frozen=True)
class RepositoryFacts:
    """One project's repository.

    Attributes:
        refs: name to what it points to.
        odd_refs: refs that lead to no commit, with what they lead to instead.
        complaints: what ``git fsck --strict`` says.
        unseen: why it could not be read, or None.
    """

    refs: Mapping[str, str] = field(default_factory=dict)
    commits: Sequence[CommitFacts] = ()
    odd_refs: Mapping[str, str] = field(default_factory=dict)
    complaints: Sequence[str] = ()
    unseen: str | None = None


@dataclass(frozen=True, slots=True)
class Relationship:
    """One relationship of the graph that carries a saga id."""

    project: str | None
    saga_id: str
    source: str
    kind: str
    target: str
    evidence: str | None
    pending: bool


@dataclass(frozen=True)
class GraphFacts:
    """The graph.

    Attributes:
        lonely_pages: (project, name, saga that made it) of pages without any relationship.
        open_barriers: (project, saga id) of the graph's own barrier records that wait for the saga's end.
        without_saga: relationships that carry no saga id.
    """

    relationships: Sequence[Relationship]
    lonely_pages: Sequence[tuple[str | None, str, str | None]] = ()
    open_barriers: Sequence[tuple[str | None, str]] = ()
    without_saga: int = 0


@dataclass(frozen=True)
class Leftover:
    """Something at a participant that only an open saga, or a writer at work, may have.

    Attributes:
        kind: ``locks``, ``undo data``, ``redo data``, ``moves``, ``temporary files``.
    """

    participant: str
    kind: str
    subject: str
    project: str | None = None
    saga_id: str | None = None


@dataclass(frozen=True)
class LeftoverFacts:
    """All leftovers, and how many records were looked at."""

    leftovers: Sequence[Leftover]
    records: int = 0


@dataclass(frozen=True, slots=True)
class Told:
    """What a client was told about one saga (one line of the journal)."""

    line: int
    saga_id: str
    project: str
    status: str
    snapshot_id: str | None = None
    files: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Probe:
    """One request without a right to it.

    Attributes:
        credential: what it carried, in words.
        status: the answer's HTTP status, None when there was none.
        appeared: whether its effect is there; None when that could not be seen.
        trouble: why there is no answer, or why the effect could not be looked for.
    """

    participant: str
    credential: str
    request: str
    status: int | None
    appeared: bool | None
    trouble: str | None = None


@dataclass(frozen=True)
class ProbeFacts:
    """All probes, what could not be probed, and what has no door to be closed."""

    probes: Sequence[Probe]
    skipped: Sequence[str] = ()
    unguarded: Sequence[str] = ()
