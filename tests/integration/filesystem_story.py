"""A story of saves, undos and confirms, with what must be on disk after each chapter, told by hand."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

from filesystem_server.records import Writer
from filesystem_server.store import Store
from service_kit.barrier import Branch

WEEK = 7 * 86_400.0
P = "proj"
Disk = dict[str, bytes]
A, B, C, D = (f"saga-{letter}" for letter in "abcd")


def save(store: Store, saga_id: str | None, files: Disk, key: str | None = None) -> None:
    store.save(P, files, Writer(saga_id, key))


BEFORE: Disk = {"old.md": b"old 0", "keep/k.md": b"k 0"}
_PLAIN = BEFORE | {"plain.md": b"p 1"}
_A1 = _PLAIN | {"old.md": b"A 1"}
_BATCH: Disk = {"new/deep/a.md": b"A a" * 999, "new/b.md": b"A b", "keep/k.md": b"A k"}
_A2 = _A1 | _BATCH
_LAST = (_A2 | {"plain.md": b"p 2"}) | {"c.md": b"C"}
_GONE = {name: content for name, content in _LAST.items() if name != "plain.md"}

CHAPTERS: list[tuple[str, Callable[[Store], object], Disk]] = [
    ("a plain save", lambda s: save(s, None, {"plain.md": b"p 1"}, "key-1"), _PLAIN),
    ("a saga overwrites", lambda s: save(s, A, {"old.md": b"A 1"}), _A1),
    ("a saga saves a batch", lambda s: save(s, A, _BATCH, "a:2"), _A2),
    ("a plain overwrite", lambda s: save(s, None, {"plain.md": b"p 2"}, "key-2"), _A2 | {"plain.md": b"p 2"}),
    ("another saga", lambda s: save(s, B, {"b/b.md": b"B"}), _A2 | {"plain.md": b"p 2", "b/b.md": b"B"}),
    ("one file is undone", lambda s: s.undo(Branch(B, P), "b/b.md"), _A2 | {"plain.md": b"p 2"}),
    ("an empty compensation", lambda s: s.undo_all(Branch(B, P)), _A2 | {"plain.md": b"p 2"}),
    ("a third saga", lambda s: save(s, C, {"c.md": b"C"}), _LAST),
    ("the first saga commits", lambda s: s.confirm(Branch(A, P)), _LAST),
    (
        "a saga over it",
        lambda s: save(s, D, {"old.md": b"D 1", "keep/k.md": b"D k", "d/e/f.md": b"D f"}),
        _LAST | {"old.md": b"D 1", "keep/k.md": b"D k", "d/e/f.md": b"D f"},
    ),
    ("is undone as a whole", lambda s: s.undo_all(Branch(D, P)), _LAST),
    ("a plain delete", lambda s: s.delete(P, "plain.md", Writer(None, "key-3")), _GONE),
    ("the last saga commits", lambda s: s.confirm(Branch(C, P)), _GONE),
]


def begin(root: Path) -> None:
    """A data folder as the story finds it."""
    store = Store(root, WEEK)
    save(store, None, BEFORE)
    store.close()


def on_disk(root: Path) -> Disk:
    """The plain files of the project, read without any code of the server."""
    top = root / P
    return {str(path.relative_to(top)): path.read_bytes() for path in top.rglob("*") if path.is_file()}


def leftovers(root: Path) -> list[str]:
    """What must not be there when no saga is open: files aside, undo and redo data, locks, empty folders."""
    found = [str(path) for aside in ("staged", "kept") for path in (root / ".saga" / aside).iterdir()]
    found += [str(path) for path in (root / P).rglob("*") if path.is_dir() and not any(path.iterdir())]
    with sqlite3.connect(f"file:{root}/.saga/journal.sqlite3?mode=ro", uri=True) as database:
        for table in ("redo", "undo", "barrier_item WHERE effect = 'done'"):
            found += [f"{table}: {row}" for row in database.execute(f"SELECT * FROM {table}")]
    database.close()
    return found
