"""The barrier (R6) and the semantic lock (R11) of a participant: repeats, reorderings and late calls change nothing.

A participant keeps the barrier's tables in its own SQLite file and calls the barrier *inside* the transaction that
also records its effect, so that record and effect become durable together::

    with transaction(database):                                   # BEGIN IMMEDIATE ... COMMIT
        first = barrier.act(branch, {"guide.md": sha256})         # raises a 409 problem, or claims what is new
        if "guide.md" in first:
            return first["guide.md"]                              # repeated: answer as the first time
        ...record the effect and how to undo it, in this database...
        barrier.answer(branch, {"guide.md": answer})

Every decision is an insert under a unique key, never a look followed by an act: key (saga, project, item) is the
barrier, and the unique index over (project, item) of standing effects is the lock. Whatever a method raises, the
surrounding ``transaction`` takes back.

What arrives            and finds                             result
act                     nothing                               effect ``done``; the item is locked for its saga
act                     the same act (also after confirm)     the first answer
act                     the same key, other fingerprint       409 conflict
act                     its own compensation                  409 saga-compensated, for ever (hanging)
act                     another open saga's effect            409 locked, naming the holder
act, new item           a confirmed saga                      409 conflict
undo                    nothing (empty compensation)          False; blocks the act for ever
undo                    a standing effect                     True: take the effect back in this transaction
undo                    an earlier undo                       False
undo, undo_all          a confirmed saga                      409 conflict
undo_all                anything                              the items to take back; blocks every later act of the saga
confirm                 nothing, or an earlier confirm        no items
confirm                 standing effects                      the items whose undo data may go; the locks end
confirm                 a saga that was compensated           409 saga-compensated

After the technique of the branch barrier in dtm (github.com/dtm-labs/dtm).
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from service_kit.problems import Conflict, Locked, SagaCompensated

SCHEMA = """
CREATE TABLE IF NOT EXISTS barrier_saga (
    saga_id TEXT NOT NULL,
    project TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('open', 'confirmed', 'undone')),
    touched_at REAL NOT NULL,  -- seconds since 1970 of the last change
    PRIMARY KEY (saga_id, project)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS barrier_item (
    saga_id TEXT NOT NULL,
    project TEXT NOT NULL,
    item TEXT NOT NULL,
    effect TEXT NOT NULL CHECK (effect IN ('done', 'undone', 'confirmed')),
    fingerprint TEXT,  -- of what was asked; NULL: only ever compensated
    answer TEXT,       -- what the first act was answered
    PRIMARY KEY (saga_id, project, item)
) WITHOUT ROWID;
CREATE UNIQUE INDEX IF NOT EXISTS barrier_lock ON barrier_item (project, item) WHERE effect = 'done';
"""
# A saga whose items were all compensated one by one is as closed as one that was undone as a whole.
_STATE_SEEN = """CASE WHEN state = 'open' AND NOT EXISTS (
    SELECT 1 FROM barrier_item AS i WHERE i.saga_id = s.saga_id AND i.project = s.project AND i.effect = 'done'
) THEN 'undone' ELSE state END"""
_THIS_SAGA = "saga_id = ? AND project = ?"
_THIS_ITEM = "saga_id = ? AND project = ? AND item = ?"


class State(StrEnum):
    """Where a saga stands at this participant."""

    OPEN = "open"  # it has effects that may still be undone
    CONFIRMED = "confirmed"  # its effects are final
    UNDONE = "undone"  # none of its effects stands


class Effect(StrEnum):
    """What became of one item of a saga."""

    DONE = "done"  # it stands, may be undone, and is locked
    UNDONE = "undone"  # taken back, or compensated before it came
    CONFIRMED = "confirmed"  # it stands for good


@dataclass(frozen=True)
class Branch:
    """One saga's work in one project at this participant."""

    saga_id: str
    project: str


@dataclass(frozen=True)
class Item:
    """The barrier record of one item; ``fingerprint`` and ``answer`` are None when only its compensation came."""

    item: str
    effect: Effect
    fingerprint: str | None
    answer: str | None


class Barrier:
    """See the module's docstring. Not a lock between threads: the caller's transaction is.

    Args:
        database: the participant's own connection, from ``service_kit.database.connect``.
        clock: wall-clock seconds.
    """

    def __init__(self, database: sqlite3.Connection, clock: Callable[[], float] = time.time) -> None:
        self._db = database
        self._clock = clock
        database.executescript(SCHEMA)

    def act(self, branch: Branch, wanted: Mapping[str, str]) -> dict[str, str]:
        """Claim every item of ``wanted`` (item to fingerprint) for this saga.

        Returns:
            The first answers of the items that were done before. The others are new: record their effects and call
            ``answer`` in this same transaction.

        Raises:
            SagaCompensated, Locked, Conflict: at the first item that may not be done; nothing of the call is kept.
        """
        state = self._enter(branch)
        if state is State.UNDONE:
            raise SagaCompensated(f"saga {branch.saga_id!r} was already undone in project {branch.project!r}")
        first: dict[str, str] = {}
        for item, fingerprint in wanted.items():
            if not self._claim(branch, item, fingerprint):
                first[item] = self._first_answer(branch, item, fingerprint)
            elif state is State.CONFIRMED:
                raise Conflict(f"saga {branch.saga_id!r} is already confirmed and can do nothing new")
        return first

    def answer(self, branch: Branch, answers: Mapping[str, str]) -> None:
        """Keep what the caller of each new item is told, for repeats."""
        rows = [(answer, branch.saga_id, branch.project, item) for item, answer in answers.items()]
        self._db.executemany(f"UPDATE barrier_item SET answer = ? WHERE {_THIS_ITEM}", rows)  # noqa: S608

    def undo(self, branch: Branch, item: str) -> bool:
        """Compensate one item, whether or not it ever came. True: its effect stands and must be taken back now.

        Raises:
            Conflict: the saga is confirmed.
        """
        self._enter_to_undo(branch)
        key = (branch.saga_id, branch.project, item)
        blocked = self._db.execute("INSERT OR IGNORE INTO barrier_item VALUES (?, ?, ?, 'undone', NULL, NULL)", key)
        if blocked.rowcount:
            return False
        undone = self._db.execute(
            f"UPDATE barrier_item SET effect = 'undone' WHERE {_THIS_ITEM} AND effect = 'done'",  # noqa: S608
            key,
        )
        return undone.rowcount == 1

    def undo_all(self, branch: Branch) -> list[str]:
        """Compensate the whole saga in this project, also what is still to come. Returns the items to take back now.

        Raises:
            Conflict: the saga is confirmed.
        """
        self._enter_to_undo(branch)
        self._set_state(branch, State.UNDONE)
        return self._close_items(branch, Effect.UNDONE)

    def confirm(self, branch: Branch) -> list[str]:
        """The saga committed: end its locks. Returns the items whose undo data may go now.

        Raises:
            SagaCompensated: none of its effects stands any more.
        """
        state = self.state(branch)
        if state is State.UNDONE:
            raise SagaCompensated(f"saga {branch.saga_id!r} was undone and cannot be confirmed")
        if state is not State.OPEN:
            return []
        self._set_state(branch, State.CONFIRMED)
        return self._close_items(branch, Effect.CONFIRMED)

    def holder(self, project: str, item: str) -> str | None:
        """The open saga that holds ``item`` (R11), if one does."""
        sql = "SELECT saga_id FROM barrier_item WHERE project = ? AND item = ? AND effect = 'done'"
        row = self._db.execute(sql, (project, item)).fetchone()
        return row[0] if row else None

    def holders(self, project: str) -> dict[str, str]:
        """Every held item of ``project`` with the open saga that holds it."""
        sql = "SELECT item, saga_id FROM barrier_item WHERE project = ? AND effect = 'done'"
        return dict(self._db.execute(sql, (project,)))

    def projects(self, saga_id: str) -> list[str]:
        """The projects in which the saga is known here, sorted."""
        sql = "SELECT project FROM barrier_saga WHERE saga_id = ? ORDER BY project"
        return [row[0] for row in self._db.execute(sql, (saga_id,))]

    def state(self, branch: Branch) -> State | None:
        """Where the saga stands in this project, or None when nothing is known of it."""
        sql = f"SELECT {_STATE_SEEN} FROM barrier_saga AS s WHERE {_THIS_SAGA}"  # noqa: S608
        row = self._db.execute(sql, (branch.saga_id, branch.project)).fetchone()
        return State(row[0]) if row else None

    def items(self, branch: Branch) -> list[Item]:
        """What the saga did, undid or had blocked here, sorted by item."""
        sql = f"SELECT item, effect, fingerprint, answer FROM barrier_item WHERE {_THIS_SAGA} ORDER BY item"  # noqa: S608
        rows = self._db.execute(sql, (branch.saga_id, branch.project))
        return [Item(item, Effect(effect), fingerprint, answer) for item, effect, fingerprint, answer in rows]

    def forget(self, older_than: float) -> int:
        """Drop the records of sagas closed for more than ``older_than`` seconds; an open saga is never forgotten.

        ``older_than`` must exceed the longest time that a call can be on its way. Returns how many sagas went.
        """
        sql = f"""SELECT saga_id, project FROM barrier_saga AS s
                  WHERE touched_at < ? AND ({_STATE_SEEN}) <> 'open'"""  # noqa: S608
        gone = self._db.execute(sql, (self._clock() - older_than,)).fetchall()
        for table in ("barrier_item", "barrier_saga"):
            self._db.executemany(f"DELETE FROM {table} WHERE {_THIS_SAGA}", gone)  # noqa: S608
        return len(gone)

    def _enter(self, branch: Branch) -> State:
        """Make the saga's record, or mark it as touched; the stored state."""
        sql = """INSERT INTO barrier_saga VALUES (?, ?, 'open', ?)
                 ON CONFLICT DO UPDATE SET touched_at = excluded.touched_at RETURNING state"""
        row = self._db.execute(sql, (branch.saga_id, branch.project, self._clock())).fetchone()
        return State(row[0])

    def _enter_to_undo(self, branch: Branch) -> None:
        if self._enter(branch) is State.CONFIRMED:
            raise Conflict(f"saga {branch.saga_id!r} is already confirmed and cannot be undone")

    def _claim(self, branch: Branch, item: str, fingerprint: str) -> bool:
        """Insert the item as done. False: this saga has it already.

        Raises:
            Locked: another open saga holds the item.
        """
        row = (branch.saga_id, branch.project, item, fingerprint)
        try:
            self._db.execute("INSERT INTO barrier_item VALUES (?, ?, ?, 'done', ?, NULL)", row)
        except sqlite3.IntegrityError:
            if self._own(branch, item):
                return False
            holder = self.holder(branch.project, item) or ""
            raise Locked(f"{item!r} is held by saga {holder!r}", holder=holder) from None
        return True

    def _own(self, branch: Branch, item: str) -> tuple[str, str | None, str | None] | None:
        sql = f"SELECT effect, fingerprint, answer FROM barrier_item WHERE {_THIS_ITEM}"  # noqa: S608
        row: tuple[str, str | None, str | None] | None = self._db.execute(
            sql, (branch.saga_id, branch.project, item)
        ).fetchone()
        return row

    def _first_answer(self, branch: Branch, item: str, fingerprint: str) -> str:
        effect, known, answer = self._own(branch, item) or ("", None, None)
        if effect == Effect.UNDONE:
            raise SagaCompensated(f"{item!r} of saga {branch.saga_id!r} was already compensated")
        if known != fingerprint:
            raise Conflict(f"saga {branch.saga_id!r} already did {item!r} with another content")
        return answer or ""

    def _set_state(self, branch: Branch, state: State) -> None:
        values = (state.value, self._clock(), branch.saga_id, branch.project)
        self._db.execute(f"UPDATE barrier_saga SET state = ?, touched_at = ? WHERE {_THIS_SAGA}", values)  # noqa: S608

    def _close_items(self, branch: Branch, effect: Effect) -> list[str]:
        sql = f"UPDATE barrier_item SET effect = ? WHERE {_THIS_SAGA} AND effect = 'done' RETURNING item"  # noqa: S608
        return sorted(row[0] for row in self._db.execute(sql, (effect.value, branch.saga_id, branch.project)))
