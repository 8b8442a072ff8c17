"""Sagas as their events tell them, entered into a real log as the backend and a worker would."""

from __future__ import annotations

from typing import Any

from backend.saga.events import Event, EventType
from backend.saga.ports import NewSaga, SagaLog

T = EventType
GRAPH, FILES, SNAPSHOT = "Save relationships", "Save wiki files", "Create git snapshot"
WORKER = "host-1"
LEASE = 5.0
_RESULTS = {
    GRAPH: {"count": 31},
    FILES: {"files": [{"filename": "index.md", "sha256": "0" * 64, "replaced": None}]},
    SNAPSHOT: {"snapshot_id": "snap-0123456789abcdef", "commit": "1" * 40, "files": 12},
}
_STEPS = [
    {"name": GRAPH, "kind": "compensable", "group": None, "intent": {"participant": "neo4j", "count": 31}},
    {"name": FILES, "kind": "compensable", "group": None, "intent": {"participant": "filesystem", "files": {}}},
    {"name": SNAPSHOT, "kind": "pivot", "group": None, "intent": {"participant": "git", "files": 12}},
]


class Story:
    """One saga; every call writes events, ``after`` seconds after the one before.

    Args:
        at: when it was asked for, wall-clock seconds.
    """

    def __init__(self, log: SagaLog, saga_id: str, at: float, project: str = "demo", user: str = "ada") -> None:
        self.log, self.saga_id, self.at, self.fence = log, saga_id, at, 0
        asked = Event(T.REQUESTED, at, None, {"project": project, "user": user})
        log.create(NewSaga(saga_id, "wiki", project, user, {}), asked)

    def tell(self, kind: EventType, step: str | None = None, after: float = 0.0, **data: Any) -> Story:
        self.at += after
        known = self.log.get(self.saga_id).last_seq
        self.log.append(self.saga_id, self.fence, known, [Event(kind, self.at, step, data)])
        return self

    def claimed(self, after: float = 0.02, worker: str = WORKER) -> Story:
        self.at += after
        self.fence = self.log.claim(self.saga_id, worker, LEASE, self.at).fence
        return self

    def begun(self) -> Story:
        self.claimed()
        self.tell(T.PREPARED, None, 0.18, documents=4, pages=12, relationships=31, skipped=0)
        return self.tell(T.BEGUN, None, 0.004, deadline=self.at + 120, steps=_STEPS)

    def done(self, step: str, seconds: float = 0.03) -> Story:
        return self.tell(T.STEP_STARTED, step, 0.001).tell(T.STEP_DONE, step, seconds, result=_RESULTS[step])

    def unclear(self, step: str, problem: str, wait: float | None = None, seconds: float = 0.5) -> Story:
        self.tell(T.STEP_STARTED, step, 0.001)
        retry_at = None if wait is None else self.at + seconds + wait
        self.tell(T.STEP_UNCLEAR, step, seconds, problem=problem, retry_at=retry_at)
        self.at += wait or 0.0
        return self

    def refused(self, step: str, problem: str) -> Story:
        return self.tell(T.STEP_STARTED, step, 0.001).tell(T.STEP_REFUSED, step, 0.02, problem=problem)

    def turned_back(self, reason: str, step: str | None = None) -> Story:
        return self.tell(T.ROLLBACK_BEGAN, None, 0.001, reason=reason, failed_step=step)

    def undone(self, *steps: str) -> Story:
        for step in steps:
            self.tell(T.UNDO_STARTED, step, 0.001).tell(T.UNDO_DONE, step, 0.025, result=None)
        return self

    def undo_failed(self, step: str, problem: str, wait: float | None = None) -> Story:
        self.tell(T.UNDO_STARTED, step, 0.001)
        retry_at = None if wait is None else self.at + 0.2 + wait
        self.tell(T.UNDO_FAILED, step, 0.2, problem=problem, retry_at=retry_at)
        self.at += wait or 0.0
        return self

    def closed(self, error: str | None) -> Story:
        return self.tell(T.ROLLED_BACK, None, 0.001, error=error)


def committed(log: SagaLog, saga_id: str, at: float, **who: str) -> Story:
    """Done in three steps, confirmed by all."""
    story = Story(log, saga_id, at, **who).begun().done(GRAPH).done(FILES, 0.06).done(SNAPSHOT, 0.09)
    story.tell(T.COMMITTED, None, 0.004)
    for step in (GRAPH, FILES, SNAPSHOT):
        story.tell(T.CONFIRM_STARTED, step, 0.001).tell(T.CONFIRM_DONE, step, 0.01, result=None)
    return story.tell(T.FINISHED, None, 0.001)


def rolled_back(log: SagaLog, saga_id: str, at: float, **who: str) -> Story:
    """The snapshot got no clear answer three times; everything that started was undone."""
    problem = "no answer within 10 s"
    story = Story(log, saga_id, at, **who).begun().done(GRAPH).done(FILES, 0.06)
    story.unclear(SNAPSHOT, problem, 0.4).unclear(SNAPSHOT, problem, 1.1).unclear(SNAPSHOT, problem)
    return story.turned_back(problem, SNAPSHOT).undone(SNAPSHOT, FILES, GRAPH).closed(problem)


def parked(log: SagaLog, saga_id: str, at: float, **who: str) -> Story:
    """The snapshot was refused, and then the files could not be undone: a dead letter."""
    story = Story(log, saga_id, at, **who).begun().done(GRAPH).done(FILES).refused(SNAPSHOT, "409 locked")
    story.turned_back("409 locked", SNAPSHOT).undone(SNAPSHOT)
    story.undo_failed(FILES, "503 unavailable", 0.5).undo_failed(FILES, "503 unavailable: the disk is read-only")
    return story.tell(T.PARKED, FILES, 0.001, problem="503 unavailable: the disk is read-only", retry_at=story.at + 60)


def running(log: SagaLog, saga_id: str, at: float, **who: str) -> Story:
    """Its second step is under way."""
    return Story(log, saga_id, at, **who).begun().done(GRAPH).tell(T.STEP_STARTED, FILES, 0.001)


def taken_over(log: SagaLog, saga_id: str, at: float, **who: str) -> Story:
    """Its worker was killed in the middle of a call; another one rolled it back."""
    story = running(log, saga_id, at, **who).claimed(LEASE + 1, "host-2")
    story.turned_back("the worker that ran it was lost")
    return story.undone(SNAPSHOT, FILES, GRAPH).closed("the worker that ran it was lost")


def failed_early(log: SagaLog, saga_id: str, at: float, **who: str) -> Story:
    """It had no documents, so it had no effects."""
    return Story(log, saga_id, at, **who).claimed().closed("the project has no documents")
