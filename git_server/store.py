"""Snapshots of projects as git commits that a saga can undo. No HTTP.

How record and effect become durable together (R6), always under the project's lock:

    objects on disk  ->  ledger commit: barrier record + move   ->  main moved, on disk  ->  move marked as applied
    (unreachable:        (the point of no return)                   (redo finds it done)
     garbage if we
     die here)

A process that dies after the point of no return leaves a move that is not applied. Whoever next takes the project's
lock, at start or before touching the project, applies it.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from git_server import objects
from git_server.errors import RepositoryUnavailable
from git_server.git import GitFailed
from git_server.ledger import Ledger, Move
from git_server.lock import ProjectLocks
from git_server.repository import ObjectsRefused, Repositories, Repository, TreeFile
from git_server.snapshots import Snapshot, Wanted, snapshot_id_of, snapshot_line
from service_kit.barrier import Branch, Effect, State
from service_kit.problems import InvalidRequest, NotFound

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Made:
    """The answer to a snapshot: its id, its commit, and how many files it has."""

    snapshot_id: str
    commit: str
    files: int

    def text(self) -> str:
        """As the ledger keeps it, for repeats."""
        return json.dumps(vars(self))

    @classmethod
    def of(cls, text: str) -> Made:
        """The answer that the ledger kept."""
        return cls(**json.loads(text))


class SnapshotStore:
    """All snapshots of one git_server; every method is safe to call from many threads and processes."""

    def __init__(self, repositories: Repositories, ledger: Ledger, locks: ProjectLocks) -> None:
        self.repositories = repositories
        self.ledger = ledger
        self.locks = locks

    def snapshot(self, project: str, wanted: Wanted, read: Callable[[], dict[str, bytes]]) -> Made:
        """Commit exactly the intended files to ``main``; a repeat gets the first answer.

        Args:
            read: fetches the files' contents, checked against their hashes; called only when they are needed.

        Raises:
            SagaCompensated, Locked, Conflict: refused, without effect.
            InvalidRequest: git does not accept a file name.
            RepositoryUnavailable: git failed, or the project is busy for too long.
        """
        branch, fingerprint = Branch(wanted.saga_id, project), wanted.fingerprint()
        # Asked first without the lock, so that a repeat reads nothing and nobody waits while files are read.
        contents = None if self.ledger.rehearse(branch, fingerprint) else read()
        with self._settled(project) as (repository, keep):
            if known := self.ledger.rehearse(branch, fingerprint):
                return Made.of(known)
            return self._commit(repository, branch, wanted, read() if contents is None else contents, keep)

    def _commit(
        self, repository: Repository, branch: Branch, wanted: Wanted, contents: dict[str, bytes], keep: int
    ) -> Made:
        repository.create(keep)
        head = repository.main()
        parent = head.id if head else None
        text = objects.CommitText(parent, wanted.commit_message(), wanted.commit_date(head))
        items = objects.snapshot_objects(contents, text)
        made = Made(snapshot_id_of(wanted.saga_id), items[-1].id, len(contents))
        with repository.garbage_expected():
            repository.store(items, keep)
            move = Move(parent, made.commit)
            self.ledger.act(branch, wanted.fingerprint(), made.text(), move)
        self._apply(repository, branch.project, move, keep)
        log.info("snapshot %s of %s: %s", made.snapshot_id, branch.project, made.commit, extra=_event(branch))
        return made

    def undo(self, branch: Branch) -> None:
        """Take the saga's snapshot back (R7), or block it if it has not come yet; safe to repeat.

        Raises:
            Conflict: the saga is confirmed.
        """
        with self._settled(branch.project) as (repository, keep):
            back = self.ledger.undo(branch)
            if back:
                repository.expect_garbage()
                self._apply(repository, branch.project, back, keep)
                log.info("undid the snapshot of %s", branch.project, extra=_event(branch))

    def confirm(self, branch: Branch) -> None:
        """Make the saga's snapshot final and end its lock; idempotent, and without effect for an unknown saga.

        Raises:
            SagaCompensated: it was undone.
        """
        with self._settled(branch.project):
            self.ledger.confirm(branch)

    @contextmanager
    def _settled(self, project: str) -> Iterator[tuple[Repository, int]]:
        """The project's repository under its lock, with everything decided applied."""
        repository = self.repositories.of(project)
        with _git_problems(), self.locks.hold(project) as keep:
            if move := self.ledger.unapplied(project):
                log.warning("redoing a move of main in %s that a killed process left", project)
                self._apply(repository, project, move, keep)
            yield repository, keep

    def _apply(self, repository: Repository, project: str, move: Move, keep: int) -> None:
        repository.move_main(move.old, move.new, keep)
        self.ledger.applied(project)

    def settle(self, project: str) -> None:
        """Wait for, or redo, a move that is decided, so that a reader sees what was answered."""
        if self.ledger.unapplied(project):
            with self._settled(project):
                pass

    def clean(self, project: str, grace: float, now: float) -> None:
        """Prune and repack the project's repository if it is due; see ``Repository.clean``."""
        if self.repositories.of(project).needs_cleaning(grace, now):
            with self._settled(project) as (repository, keep):
                repository.clean(grace, now, keep)

    def newest(self, project: str, skip: int, limit: int) -> list[Snapshot]:
        """The project's snapshots, newest first."""
        self.settle(project)
        with _git_problems():
            return [Snapshot.of(commit) for commit in self.repositories.of(project).history(skip=skip, limit=limit)]

    def get(self, project: str, snapshot_id: str) -> tuple[Snapshot, list[TreeFile]]:
        """One snapshot with its files.

        Raises:
            NotFound: ``main`` has no such snapshot.
        """
        self.settle(project)
        repository = self.repositories.of(project)
        with _git_problems():
            for found in map(Snapshot.of, repository.find(snapshot_line(snapshot_id))):
                if found.snapshot_id == snapshot_id:
                    return found, repository.tree(found.commit)
        raise NotFound(f"project {project!r} has no snapshot {snapshot_id!r}")

    def record(self, branch: Branch) -> tuple[State, list[tuple[Made, Effect]]]:
        """Where the saga stands, and what it made here (nothing, when only its compensation came).

        Raises:
            NotFound: nothing is known of the saga in this project.
        """
        state, items = self.ledger.record(branch)
        if state is None:
            raise NotFound(f"nothing is known of saga {branch.saga_id!r}")
        return state, [(Made.of(item.answer), item.effect) for item in items if item.answer]

    def check(self) -> None:
        """Raises when the disk cannot be written, or the ledger not be read."""
        probe = self.locks.folder / ".probe"
        probe.touch()
        probe.unlink(missing_ok=True)
        self.ledger.unsettled_projects()


@contextmanager
def _git_problems() -> Iterator[None]:
    try:
        yield
    except ObjectsRefused as refused:
        raise InvalidRequest("git does not accept a file name of this snapshot", field="files") from refused
    except GitFailed as failed:
        raise RepositoryUnavailable("git failed; the service's log has the details") from failed


def _event(branch: Branch) -> dict[str, str]:
    return {"saga_id": branch.saga_id}
