"""What the files must become (redo) and what they were before an open saga (undo), in the barrier's own database.

A row of ``redo`` is dropped when the file is forced to disk; a row of ``undo`` when its saga is confirmed, or undone
and the file forced: until then a row of ``back`` makes it a redo row. A NULL content means that there is no such file.
``forced`` tells the files that need no force when they come back.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping

from filesystem_server.aside import File, Identity
from service_kit.barrier import Branch

SCHEMA = """
CREATE TABLE IF NOT EXISTS redo (
    project TEXT NOT NULL,
    filename TEXT NOT NULL,
    content BLOB,
    PRIMARY KEY (project, filename)
);
CREATE TABLE IF NOT EXISTS undo (
    saga_id TEXT NOT NULL,
    project TEXT NOT NULL,
    filename TEXT NOT NULL,
    content BLOB,
    PRIMARY KEY (saga_id, project, filename)
);
CREATE TABLE IF NOT EXISTS back (number INTEGER PRIMARY KEY);  -- rowids of undo
CREATE TABLE IF NOT EXISTS forced (
    project TEXT NOT NULL,
    filename TEXT NOT NULL,
    inode INTEGER NOT NULL,
    modified INTEGER NOT NULL,  -- nanoseconds since 1970
    PRIMARY KEY (project, filename)
) WITHOUT ROWID;
"""


class Journal:
    """Rows only; the caller's transaction makes them durable, the caller brings the disk after them."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._db = database
        database.executescript(SCHEMA)

    def plan(self, contents: Mapping[File, bytes | None]) -> None:
        """Each file shall have this content (None: shall not be there)."""
        rows = [(*file, content) for file, content in contents.items()]
        self._db.executemany("INSERT OR REPLACE INTO redo VALUES (?, ?, ?)", rows)

    def keep(self, branch: Branch, former: Mapping[str, bytes | None]) -> dict[File, int]:
        """Remember what the saga's files were before it (R7). The number of each that was there: its row's."""
        numbers: dict[File, int] = {}
        for name, content in former.items():
            row = (branch.saga_id, branch.project, name, content)
            added = self._db.execute("INSERT INTO undo VALUES (?, ?, ?, ?)", row)
            if content is not None and added.lastrowid is not None:
                numbers[branch.project, name] = added.lastrowid
        return numbers

    def plan_back(self, branch: Branch, names: Iterable[str]) -> tuple[dict[File, bytes | None], dict[File, int]]:
        """The files of the saga shall be as they were: their former contents, and the number of each that was there.

        The undo rows stay, and count as redo rows from here on, until the files are ``settled``.
        """
        sql = "SELECT content, rowid FROM undo WHERE saga_id = ? AND project = ? AND filename = ?"
        former: dict[File, bytes | None] = {}
        numbers: dict[File, int] = {}
        for name in names:
            file = (branch.project, name)
            former[file], numbers[file] = self._db.execute(sql, (branch.saga_id, *file)).fetchone()
        self._db.executemany("INSERT INTO back VALUES (?)", [(number,) for number in numbers.values()])
        return former, numbers

    def drop_undo(self, branch: Branch) -> dict[File, int]:
        """The saga is confirmed: what was there before it is gone for good. The number of each file that was."""
        sql = "DELETE FROM undo WHERE saga_id = ? AND project = ? RETURNING filename, rowid, content IS NOT NULL"
        rows = self._db.execute(sql, (branch.saga_id, branch.project))
        return {(branch.project, name): number for name, number, was_there in rows if was_there}

    def numbers(self) -> set[int]:
        """Of all undo rows."""
        return {number for (number,) in self._db.execute("SELECT rowid FROM undo")}

    def planned(self) -> dict[File, bytes | None]:
        """Every file that is not known to be forced to disk, with the content that it shall have."""
        redo = "SELECT project, filename, content FROM redo"
        back = "SELECT project, filename, content FROM undo WHERE rowid IN (SELECT number FROM back)"
        rows = [*self._db.execute(redo), *self._db.execute(back)]  # in this order: a way back is the last word
        return {(project, filename): content for project, filename, content in rows}

    def unsettled(self, project: str, names: Iterable[str]) -> set[File]:
        """Which of these files are not known to be forced to disk."""
        sql = "SELECT 1 FROM redo WHERE project = ? AND filename = ?"
        return {(project, name) for name in names if self._db.execute(sql, (project, name)).fetchone()}

    def settled(self, files: Mapping[File, Identity | None]) -> None:
        """These files are forced to disk, as these (None: as gone)."""
        self._db.executemany("DELETE FROM redo WHERE project = ? AND filename = ?", list(files))
        self._db.execute("DELETE FROM undo WHERE rowid IN (SELECT number FROM back)")
        self._db.execute("DELETE FROM back")
        there = [(*file, *identity) for file, identity in files.items() if identity is not None]
        gone = [file for file, identity in files.items() if identity is None]
        self._db.executemany("INSERT OR REPLACE INTO forced VALUES (?, ?, ?, ?)", there)
        self._db.executemany("DELETE FROM forced WHERE project = ? AND filename = ?", gone)

    def is_forced(self, file: File, identity: Identity) -> bool:
        """Whether this very file was forced to disk under this name, and not written since."""
        sql = "SELECT inode, modified FROM forced WHERE project = ? AND filename = ?"
        known: Identity | None = self._db.execute(sql, file).fetchone()
        return known == identity
