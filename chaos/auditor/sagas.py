"""What the saga log's events amount to: one record a saga, read from the events alone (docs/saga-log.md)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from chaos.auditor.facts import LogEvent, LogRow, SagaLogFacts

STATE_AFTER: Mapping[str, str] = {
    "saga.requested": "pending",
    "saga.begun": "executing",
    "saga.rollback_began": "rolling_back",
    "saga.retry_requested": "rolling_back",
    "saga.parked": "failed",
    "saga.rolled_back": "rolled_back",
    "saga.committed": "committed",
}
CLOSING = frozenset({"saga.rolled_back", "saga.finished"})
FILESYSTEM, GIT, GRAPH = "filesystem", "git", "neo4j"


def snapshot_id_of(saga_id: str) -> str:
    """``snap-`` and the first 16 hex digits of the saga id's SHA-256 (docs/saga-log.md)."""
    return f"snap-{hashlib.sha256(saga_id.encode()).hexdigest()[:16]}"


@dataclass(frozen=True)
class Replaced:
    """What a saga found in the place of one file before it wrote there.

    Attributes:
        position: of the record in the log.
        sha256: None when there was no file.
        attempts: how often the save had been started by then.
    """

    position: int
    sha256: str | None
    attempts: int


@dataclass
class Saga:
    """One saga as its events tell it.

    Attributes:
        begun, committed: positions in the log, None when that never happened.
        intents: step to its intent, in the order of the begin record.
        groups: step to the number of its group, in the order of the begin record (R5).
        results: step to the last result that was recorded.
        replaced: filename to what was there before.
        without_undo: steps that have no compensation.
        undone: steps whose undo was answered; ``skipped``: those that an operator gave up, with name and reason.
    """

    saga_id: str
    project: str = ""
    events: list[LogEvent] = field(default_factory=list)
    row: LogRow | None = None
    state: str = "pending"
    closed: bool = False
    begun: int | None = None
    committed: int | None = None
    dead_letter: bool = False
    intents: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    kinds: dict[str, str] = field(default_factory=dict)
    groups: dict[str, int] = field(default_factory=dict)
    without_undo: set[str] = field(default_factory=set)
    attempts: dict[str, int] = field(default_factory=dict)
    results: dict[str, Any] = field(default_factory=dict)
    replaced: dict[str, Replaced] = field(default_factory=dict)
    undone: set[str] = field(default_factory=set)
    skipped: dict[str, str] = field(default_factory=dict)

    @property
    def is_committed(self) -> bool:
        return self.committed is not None

    @property
    def is_open(self) -> bool:
        """Somebody still has to work on it; a failed one waits with its dead letter."""
        return not self.closed and self.state != "failed"

    @cached_property
    def files(self) -> Mapping[str, str]:
        """The files that it means to write: name to sha256."""
        found = self._intent(FILESYSTEM).get("files")
        return found if isinstance(found, Mapping) else {}

    @cached_property
    def snapshot_id(self) -> str | None:
        """The snapshot that it means to make, or None."""
        intent = self._intent(GIT)
        return str(intent.get("snapshot_id") or snapshot_id_of(self.saga_id)) if intent else None

    @cached_property
    def commit(self) -> str | None:
        """The commit that git_server answered, as far as the log knows."""
        result = self.results.get(self.step_of(GIT) or "")
        return str(result["commit"]) if isinstance(result, Mapping) and result.get("commit") else None

    @cached_property
    def relationships(self) -> tuple[int, str] | None:
        """How many relationships it means to save, and their digest; None when it saves none."""
        intent = self._intent(GRAPH)
        return (int(intent.get("count", 0)), str(intent.get("sha256", ""))) if intent else None

    def step_of(self, participant: str) -> str | None:
        """The step that works at ``participant``."""
        return next((name for name, intent in self.intents.items() if intent.get("participant") == participant), None)

    def undo_answered(self, participant: str) -> bool:
        """Whether the log says that the participant took the saga's effect back."""
        return self.step_of(participant) in self.undone

    def _intent(self, participant: str) -> Mapping[str, Any]:
        return self.intents.get(self.step_of(participant) or "", {})


@dataclass(frozen=True)
class Sagas:
    """Every saga of the log, by id, and those of one project in the order in which they came."""

    by_id: Mapping[str, Saga]

    @cached_property
    def by_project(self) -> Mapping[str, Sequence[Saga]]:
        projects: dict[str, list[Saga]] = {}
        for saga in self.by_id.values():
            projects.setdefault(saga.project, []).append(saga)
        return projects

    @cached_property
    def by_snapshot(self) -> Mapping[str, Saga]:
        return {snapshot_id_of(saga_id): saga for saga_id, saga in self.by_id.items()}

    @cached_property
    def committed(self) -> Sequence[Saga]:
        """In the order of their commits."""
        return sorted((saga for saga in self.by_id.values() if saga.is_committed), key=lambda saga: saga.committed or 0)


def read_sagas(log: SagaLogFacts, project: str | None = None) -> Sagas:
    """Fold the log; with ``project`` only that project's sagas."""
    sagas: dict[str, Saga] = {}
    for event in sorted(log.events, key=lambda event: event.position):
        saga = sagas.setdefault(event.saga_id, Saga(event.saga_id))
        saga.events.append(event)
        _apply(saga, event)
    for saga_id, row in log.rows.items():
        saga = sagas.setdefault(saga_id, Saga(saga_id))
        saga.row = row
        saga.project = saga.project or row.project
    if project is not None:
        sagas = {saga_id: saga for saga_id, saga in sagas.items() if saga.project == project}
    return Sagas(sagas)


def _apply(saga: Saga, event: LogEvent) -> None:
    saga.state = STATE_AFTER.get(event.type, saga.state)
    saga.closed = saga.closed or event.type in CLOSING
    match event.type:
        case "saga.requested":
            saga.project = str(event.data.get("project") or "")
        case "saga.begun":
            saga.begun = event.position if saga.begun is None else saga.begun
            _read_begin_record(saga, event.data.get("steps"))
        case "step.started":
            saga.attempts[event.step or ""] = saga.attempts.get(event.step or "", 0) + 1
        case "step.done":
            _read_result(saga, event)
        case "undo.done":
            saga.undone.add(event.step or "")
        case "undo.skipped":
            saga.skipped[event.step or ""] = f"{event.data.get('by')}: {event.data.get('reason')}"
        case "saga.parked":
            saga.dead_letter = True
        case "saga.retry_requested":
            saga.dead_letter = False
        case "saga.committed":
            saga.committed = event.position if saga.committed is None else saga.committed
            saga.results |= _mapping(event.data.get("result"))


def _read_begin_record(saga: Saga, steps: Any) -> None:
    group, last = -1, object()
    for step in steps if isinstance(steps, list) else ():
        name, shared = str(step.get("name")), step.get("group")
        if shared is None or shared != last:
            group += 1
        last = shared
        saga.groups.setdefault(name, group)
        if step.get("undo") is False:  # logs of before do not say: their steps all have one
            saga.without_undo.add(name)
        saga.kinds.setdefault(name, str(step.get("kind")))
        saga.intents.setdefault(name, _mapping(step.get("intent")))


def _read_result(saga: Saga, event: LogEvent) -> None:
    step, result = event.step or "", event.data.get("result")
    saga.results[step] = result
    if saga.intents.get(step, {}).get("participant") != FILESYSTEM:
        return
    for row in _rows(_mapping(result).get("files")):
        if isinstance(row.get("filename"), str) and "replaced" in row:
            former = Replaced(event.position, row["replaced"], saga.attempts.get(step, 0))
            saga.replaced.setdefault(row["filename"], former)


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _rows(value: Any) -> Iterable[Mapping[str, Any]]:
    return (row for row in value if isinstance(row, Mapping)) if isinstance(value, list) else ()
