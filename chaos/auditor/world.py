"""All facts of one audit, each seen or blind, as the invariants take them."""

from __future__ import annotations

from dataclasses import dataclass, field

from chaos.auditor.facts import (
    FileFacts,
    GraphFacts,
    LeftoverFacts,
    ProbeFacts,
    RepositoryFacts,
    SagaLogFacts,
    Source,
    Told,
)
from chaos.auditor.sagas import Sagas


@dataclass(frozen=True)
class World:
    """The facts.

    Attributes:
        log, sagas: the log as it is, and what it amounts to.
        journal: what clients were told; its value is None when there is no journal to read.
        moving: projects in which sagas worked while the audit looked.
    """

    log: Source[SagaLogFacts]
    sagas: Source[Sagas]
    files: Source[FileFacts]
    repositories: Source[dict[str, RepositoryFacts]]
    graph: Source[GraphFacts]
    leftovers: Source[LeftoverFacts]
    probes: Source[ProbeFacts]
    journal: Source[list[Told]] | None = None
    moving: frozenset[str] = field(default_factory=frozenset)
