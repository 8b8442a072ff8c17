"""What is left over at the participants that keep their data on disk: locks, undo and redo data, temporary files.

The participants' SQLite files are found by looking for them, and their tables are read by our own SQL, as the README of
each server documents them.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Container, Iterator
from pathlib import Path

from chaos.auditor.collectors.sqlite import snapshot_of, tables_of
from chaos.auditor.facts import Leftover, LeftoverFacts

FILESYSTEM, GIT = "filesystem_server", "git_server"
_SQLITE = (".sqlite3", ".sqlite", ".db")
_QUERIES = {
    "barrier_item": ("locks", "SELECT project, saga_id, item FROM barrier_item WHERE effect = 'done'"),
    "undo": ("undo data", "SELECT project, saga_id, filename FROM undo"),
    "redo": (
        "redo data",
        """SELECT project, (SELECT saga_id FROM barrier_item AS b
           WHERE b.project = redo.project AND b.item = redo.filename AND b.effect = 'done'), filename FROM redo""",
    ),
    "git_move": ("moves", "SELECT project, saga_id, 'refs/heads/main' FROM git_move WHERE applied = 0"),
}


def read_leftovers(filesystem: Path, git: Path, project: str | None = None) -> LeftoverFacts:
    """All leftovers of both participants; with ``project`` only those of that project and of none.

    Raises:
        FileNotFoundError: a participant has no barrier file at all, though it has data.
        OSError, sqlite3.Error: something cannot be read.
    """
    found: list[Leftover] = []
    records = 0
    wanted_aside: set[str] = set()
    for participant, root in ((FILESYSTEM, filesystem), (GIT, git)):
        for path in databases_of(root):
            with snapshot_of(path) as database:
                found += _rows(database, participant)
                records += _count(database)
                wanted_aside |= _undo_numbers(database)
    found += [*_staged(filesystem, wanted_aside), *_in_repositories(git)]
    wanted = [left for left in found if project is None or left.project in (None, project)]
    return LeftoverFacts(wanted, records)


def databases_of(root: Path) -> list[Path]:
    """The server's own SQLite files: beside the projects, or in its hidden folder.

    Raises:
        FileNotFoundError: there is data and no such file.
    """
    found = [path for folder in (root, root / ".saga") for path in sorted(folder.glob("*")) if path.suffix in _SQLITE]
    found = [path for path in found if path.is_file()]
    if not found and any(root.iterdir()):
        raise FileNotFoundError(f"{root.name} holds data and no barrier file")
    return found


def _rows(database: sqlite3.Connection, participant: str) -> Iterator[Leftover]:
    tables = tables_of(database)
    for table, (kind, query) in _QUERIES.items():
        if table in tables:
            for project, saga_id, subject in database.execute(query):
                yield Leftover(participant, kind, subject, project, saga_id)


def _count(database: sqlite3.Connection) -> int:
    if "barrier_item" not in tables_of(database):
        return 0
    return int(database.execute("SELECT count(*) FROM barrier_item").fetchone()[0])


def _undo_numbers(database: sqlite3.Connection) -> set[str]:
    if "undo" not in tables_of(database):
        return set()
    return {str(number) for (number,) in database.execute("SELECT rowid FROM undo")}


def _staged(root: Path, wanted: Container[str]) -> Iterator[Leftover]:
    """Files in folders of ``.saga``: whatever is being written. What lies in ``.saga`` itself stays for ever.

    Args:
        wanted: the numbers of undo rows; a replaced file that is kept for one is reported as its undo data already.
    """
    own = root / ".saga"
    for path in sorted(own.rglob("*")) if own.is_dir() else ():
        if path.parent == own or not path.is_file():
            continue
        if path.parent != own / "kept" or path.name not in wanted:
            yield Leftover(FILESYSTEM, "temporary files", str(path.relative_to(root)))


def _in_repositories(root: Path) -> Iterator[Leftover]:
    """Repositories half made, refs locked by a git that died, objects half written that no mark promises to prune."""
    for draft in sorted((root / ".new").glob("*")):
        yield Leftover(GIT, "temporary files", str(draft.relative_to(root)), draft.name.removesuffix(".git"))
    for repository in sorted(root.glob("[!.]*.git")):
        names = [path for pattern in ("*.lock", "refs/**/*.lock") for path in repository.glob(pattern)]
        if not (repository / "garbage").exists():
            names += [*repository.glob("objects/pack/tmp_*"), *repository.glob("objects/tmp_*")]
        for path in names:
            project = repository.name.removesuffix(".git")
            yield Leftover(GIT, "temporary files", str(path.relative_to(root)), project)
