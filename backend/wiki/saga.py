"""The wiki saga: relationships, files and snapshot, all or nothing (DESIGN section 1)."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from backend.clients.filesystem import FilesystemClient
from backend.clients.git import GitClient, snapshot_id_of
from backend.clients.neo4j import Neo4jGraph
from backend.clients.neo4j_statements import Relationship
from backend.saga.definition import SagaDefinition, SagaStep
from backend.saga.state import StepKind

SAVE_RELATIONSHIPS = "Save relationships"
SAVE_FILES = "Save wiki files"
CREATE_SNAPSHOT = "Create git snapshot"
CALL_TIMEOUT = 30.0  # seconds; a save or a snapshot of a thousand files takes a while


@dataclass(frozen=True)
class Participants:
    """The clients of the services that the wiki saga changes; without a graph the saga has two steps."""

    filesystem: FilesystemClient
    git: GitClient
    graph: Neo4jGraph | None = None


def wiki_saga(
    saga_id: str,
    project_id: str,
    participants: Participants,
    files: Mapping[str, str],
    relationships: Sequence[Relationship] = (),
    *,
    created_at: float,
    timeout: float = CALL_TIMEOUT,
) -> SagaDefinition:
    """The saga that stores one generated wiki.

    Args:
        files: wiki file name to content.
        created_at: when the generation was asked for, in Unix seconds; the snapshot carries this date.
        timeout: seconds to wait for the answer of one call.
    """
    hashes = {name: hashlib.sha256(content.encode()).hexdigest() for name, content in files.items()}
    filesystem, git, graph = participants.filesystem, participants.git, participants.graph
    steps = [
        SagaStep(
            SAVE_FILES,
            action=lambda context: filesystem.save_all(context, project_id, files),
            compensation=lambda context: filesystem.undo_all(context, project_id),
            confirm=filesystem.confirm,
            intent={"participant": "filesystem", "files": hashes},
            participant="filesystem_server",
            timeout=timeout,
        ),
        SagaStep(
            CREATE_SNAPSHOT,
            action=lambda context: git.create(context, project_id, f"Wiki of {project_id}", hashes, int(created_at)),
            compensation=lambda context: git.undo(context, project_id),
            confirm=git.confirm,
            kind=StepKind.PIVOT,
            intent={"participant": "git", "snapshot_id": snapshot_id_of(saga_id), "files": len(files)},
            participant="git_server",
            timeout=timeout,
        ),
    ]
    if graph is not None:
        steps.insert(0, _graph_step(graph, project_id, relationships, timeout))
    return SagaDefinition(tuple(steps))


def wiki_saga_to_recover(
    saga_id: str, project_id: str, participants: Participants, *, timeout: float = CALL_TIMEOUT
) -> SagaDefinition:
    """The same saga without its content, for undoing and confirming what a lost worker left (R9).

    The log holds no file content, and nothing after a take-over needs any: before the commit record a saga rolls back.
    """
    saga = wiki_saga(saga_id, project_id, participants, {}, created_at=0.0, timeout=timeout)
    return SagaDefinition(tuple(_without_action(step) for step in saga.steps))


def digest_of(relationships: Sequence[Relationship]) -> str:
    """One sha256 over the distinct relationships, whatever their order (docs/saga-log.md)."""
    lines = sorted({f"{row.source}\t{row.kind}\t{row.target}" for row in relationships})
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _graph_step(graph: Neo4jGraph, project_id: str, relationships: Sequence[Relationship], timeout: float) -> SagaStep:
    distinct = {(row.source, row.kind, row.target) for row in relationships}
    return SagaStep(
        SAVE_RELATIONSHIPS,
        action=lambda context: {"count": graph.save_relationships(context.saga_id, project_id, relationships)},
        compensation=lambda context: graph.undo_relationships(context.saga_id, project_id),
        confirm=lambda context: graph.confirm(context.saga_id, project_id),
        intent={"participant": "neo4j", "count": len(distinct), "sha256": digest_of(relationships)},
        participant="neo4j",
        timeout=timeout,
    )


def _without_action(step: SagaStep) -> SagaStep:
    def not_after_a_take_over(_: Any) -> NoReturn:
        raise AssertionError(f"{step.name} must not run after a take-over")

    return SagaStep(
        step.name,
        action=not_after_a_take_over,
        compensation=step.compensation,
        confirm=step.confirm,
        kind=step.kind,
        timeout=step.timeout,
        participant=step.participant,
    )
