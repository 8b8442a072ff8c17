"""The SQLite file of git_server: the barrier, and per project the last move of ``main`` that was decided.

The transaction that inserts a barrier record also writes the move. Its commit is the point of no return: before it
nothing has happened, after it ``main`` will point to the move's new commit, if need be by a redo (``unapplied``).
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from service_kit.barrier import Barrier, Branch, Item, State
from service_kit.database import connect, problem_of, transaction

MAIN = "main"  # the barrier's one item per project: sagas lock and undo the branch as a whole
SCHEMA = """
CREATE TABLE IF NOT EXISTS git_move (
    project TEXT PRIMARY KEY,
    saga_id TEXT NOT NULL,
    old_commit TEXT,  -- NULL: there was no branch
    new_commit TEXT,  -- NULL: there shall be no branch
    applied INTEGER NOT NULL CHECK (applied IN (0, 1))  -- 1: main is there, on disk
) WITHOUT ROWID;
"""


@dataclass(frozen=True)
class Move:
    """``main`` goes from one commit to another; None stands for "no branch"."""

    old: str | None
    new: str | None

    def reversed(self) -> Move:
        """The way back."""
        return Move(self.new, self.old)


class _Rehearsed(Exception):
    """Takes back the transaction of a rehearsal."""


class Ledger:
    """All records of one git_server; threads take turns, processes too (SQLite's write lock).

    Args:
        path: the SQLite file; made when absent.
        clock: wall-clock seconds.
    """

    def __init__(self, path: Path, clock: Callable[[], float] = time.time) -> None:
        self._turn = threading.RLock()
        self._db = connect(path)
        self._barrier = Barrier(self._db, clock)
        self._db.executescript(SCHEMA)

    @contextmanager
    def _transaction(self) -> Iterator[Barrier]:
        with self._turn, transaction(self._db):
            yield self._barrier

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        """Alone on the connection, so that nobody sees another thread's open transaction."""
        with self._turn:
            try:
                yield self._db
            except sqlite3.OperationalError as error:
                raise problem_of(error) from error

    def rehearse(self, branch: Branch, fingerprint: str) -> str | None:
        """What ``act`` would say now, without any effect: the first answer of a repeat, or None when it is new.

        Raises:
            SagaCompensated, Locked, Conflict: as ``act``.
        """
        first: dict[str, str] = {}
        try:
            with self._transaction() as barrier:
                first = barrier.act(branch, {MAIN: fingerprint})
                raise _Rehearsed
        except _Rehearsed:
            return first.get(MAIN)

    def act(self, branch: Branch, fingerprint: str, answer: str, move: Move) -> str | None:
        """The point of no return of a snapshot: barrier record, answer and move, all durable or none.

        Returns:
            The first answer if the saga had done this before (and nothing is changed), else None.

        Raises:
            SagaCompensated, Locked, Conflict: nothing is changed.
        """
        with self._transaction() as barrier:
            first = barrier.act(branch, {MAIN: fingerprint})
            if not first:
                barrier.answer(branch, {MAIN: answer})
                self._decide(branch, move)
        return first.get(MAIN)

    def undo(self, branch: Branch) -> Move | None:
        """The point of no return of a compensation: the move back, or None when there is nothing to take back.

        Raises:
            Conflict: the saga is confirmed.
        """
        with self._transaction() as barrier:
            if not barrier.undo(branch, MAIN):
                return None
            row = self._db.execute(
                "SELECT old_commit, new_commit FROM git_move WHERE project = ? AND saga_id = ?",
                (branch.project, branch.saga_id),
            ).fetchone()
            back = Move(*row).reversed()
            self._decide(branch, back)
        return back

    def confirm(self, branch: Branch) -> None:
        """Make the saga's snapshot final and end its lock; idempotent.

        Raises:
            SagaCompensated: it was undone.
        """
        with self._transaction() as barrier:
            if barrier.confirm(branch):
                key = (branch.project, branch.saga_id)
                self._db.execute("DELETE FROM git_move WHERE project = ? AND saga_id = ? AND applied = 1", key)

    def _decide(self, branch: Branch, move: Move) -> None:
        row = (branch.project, branch.saga_id, move.old, move.new)
        self._db.execute("INSERT OR REPLACE INTO git_move VALUES (?, ?, ?, ?, 0)", row)

    def unapplied(self, project: str) -> Move | None:
        """The move of ``main`` that was decided and may not have happened yet."""
        sql = "SELECT old_commit, new_commit FROM git_move WHERE project = ? AND applied = 0"
        with self._reading() as database:
            row = database.execute(sql, (project,)).fetchone()
        return Move(*row) if row else None

    def applied(self, project: str) -> None:
        """The project's move happened and is on disk."""
        with self._transaction():
            self._db.execute("UPDATE git_move SET applied = 1 WHERE project = ?", (project,))

    def unsettled_projects(self) -> list[str]:
        """The projects with a move to redo."""
        with self._reading() as database:
            rows = database.execute("SELECT project FROM git_move WHERE applied = 0 ORDER BY project").fetchall()
        return [row[0] for row in rows]

    def holder(self, project: str) -> str | None:
        """The open saga whose snapshot is pending in ``project``."""
        with self._reading():
            return self._barrier.holder(project, MAIN)

    def projects(self, saga_id: str) -> list[str]:
        """Where the saga is known."""
        with self._reading():
            return self._barrier.projects(saga_id)

    def record(self, branch: Branch) -> tuple[State | None, list[Item]]:
        """All that the barrier knows of the saga in one project."""
        with self._reading():
            return self._barrier.state(branch), self._barrier.items(branch)

    def forget(self, older_than: float) -> int:
        """Drop the records of sagas closed for ``older_than`` seconds; returns how many went."""
        with self._transaction() as barrier:
            return barrier.forget(older_than)

    def close(self) -> None:
        with self._turn:
            self._db.close()
