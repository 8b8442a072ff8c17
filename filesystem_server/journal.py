"""What the files must become (redo) and what they were before an open saga (undo), in the barrier's own database.

A row of ``redo`` is dropped when the file is forced to disk; a row of ``undo`` when its saga is confirmed or undone.
A NULL content means that there is no such file.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping

from filesystem_server.tree import File
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

    def keep(self, branch: Branch, former: Mapping[str, bytes | None]) -> None:
        """Remember what the saga's files were before it (R7)."""
        rows = [(branch.saga_id, branch.project, name, content) for name, content in former.items()]
        self._db.executemany("INSERT INTO undo VALUES (?, ?, ?, ?)", rows)

    def plan_back(self, branch: Branch, names: Iterable[str]) -> dict[File, bytes | None]:
        """Plan the former contents of these files of the saga, and forget the undo data."""
        sql = "DELETE FROM undo WHERE saga_id = ? AND project = ? AND filename = ? RETURNING content"
        former: dict[File, bytes | None] = {}
        for name in names:
            row = self._db.execute(sql, (branch.saga_id, branch.project, name)).fetchone()
            former[branch.project, name] = row[0]
        self.plan(former)
        return former

    def drop_undo(self, branch: Branch) -> None:
        """The saga is confirmed: what was there before it is gone for good."""
        self._db.execute("DELETE FROM undo WHERE saga_id = ? AND project = ?", (branch.saga_id, branch.project))

    def planned(self) -> dict[File, bytes | None]:
        """Every file that is not known to be forced to disk, with the content that it shall have."""
        rows = self._db.execute("SELECT project, filename, content FROM redo")
        return {(project, filename): content for project, filename, content in rows}

    def unsettled(self, project: str, names: Iterable[str]) -> set[File]:
        """Which of these files are not known to be forced to disk."""
        sql = "SELECT 1 FROM redo WHERE project = ? AND filename = ?"
        return {(project, name) for name in names if self._db.execute(sql, (project, name)).fetchone()}

    def settled(self, files: Iterable[File]) -> None:
        """These files are forced to disk."""
        self._db.executemany("DELETE FROM redo WHERE project = ? AND filename = ?", list(files))
