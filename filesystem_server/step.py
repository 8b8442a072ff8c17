"""The durable step: records are committed, then the files follow them; the gate lets nobody see the time between.

    gate ─ stage files (not forced) ─ COMMIT barrier + undo + redo (forced: the point of no return)
         ─ rename into place ─ gate open
    confirm, undo, plain writes: force the files themselves, then drop their redo data

Killed before the commit: nothing happened. Killed after it: the next writer, reader or start brings the files to what
the journal says. docs/adr/0003-barrier-and-effect-durable-together.md has the reasons.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from filesystem_server.aside import Aside, File, Identity
from filesystem_server.gate import Gate
from filesystem_server.journal import Journal
from filesystem_server.names import SAGA_FOLDER
from filesystem_server.tree import Tree
from service_kit.database import connect, transaction

DATABASE = "journal.sqlite3"


@dataclass
class Step:
    """What one durable step changes on disk. Left empty, the step only has records.

    Attributes:
        staged: new contents, already written outside the projects.
        keep: the number under which a file that a staged one replaces stays aside.
        restored: contents to bring back, None: to remove.
        kept: the numbers of files that stayed aside until now; nobody wants them after this step.
        settle: force the files now, and drop their redo data; an open saga's new files wait for its confirm.
    """

    staged: Mapping[File, Path] = field(default_factory=dict)
    keep: Mapping[File, int] = field(default_factory=dict)
    restored: Mapping[File, bytes | None] = field(default_factory=dict)
    kept: Mapping[File, int] = field(default_factory=dict)
    settle: bool = True

    @property
    def files(self) -> set[File]:
        return {*self.staged, *self.restored}


class Disk:
    """The data folder: the journal, the plain files, and how they follow it.

    Args:
        root: the data folder; made when absent.

    Raises:
        Problem, OSError: it cannot be used.
    """

    def __init__(self, root: Path) -> None:
        self.aside, self.tree = Aside(root), Tree(root)
        self.gate = Gate(root / SAGA_FOLDER / "gate", self._redo)
        with self.gate.alone():
            self.database = connect(root / SAGA_FOLDER / DATABASE)
            self.journal = Journal(self.database)
            self._redo()  # after a power cut the gate shows nothing, so a start always redoes
            self.gate.whole()

    def close(self) -> None:
        self.gate.close()
        self.database.close()

    @contextmanager
    def step(self) -> Iterator[Step]:
        """One durable step: what the block records is committed, then its changes are brought to the disk."""
        step = Step()
        with self.gate.exclusive():
            try:
                with transaction(self.database):
                    yield step
                    if step.files or step.kept:
                        self.gate.tear()
            except BaseException:
                self.aside.unstage()
                self.tree.prune(step.staged)
                self.gate.whole()
                raise
            self._apply(step)
            self.gate.whole()

    def _redo(self) -> None:
        """Bring the disk to what the journal says, whatever a killed writer left."""
        self.aside.unstage()
        planned = self.journal.planned()
        if planned:
            self._settle(planned, self._restore(planned, kept={}))
        self.aside.sweep(self.journal.numbers())

    def _apply(self, step: Step) -> None:
        """Bring the disk after the journal. When this raises, the gate stays torn and the next one inside mends."""
        for file, staged in step.staged.items():
            number = step.keep.get(file)
            self.tree.place(file, staged, None if number is None else self.aside.kept(number))
        at_rest = self._restore(step.restored, step.kept)
        if step.settle and step.files:
            self._settle(step.files, at_rest)
        self.aside.drop([number for file, number in step.kept.items() if file not in step.restored])

    def _restore(self, contents: Mapping[File, bytes | None], kept: Mapping[File, int]) -> dict[File, Identity | None]:
        """Bring each content to its place: by a rename where the replaced file itself is still aside.

        Returns:
            What need not be forced: what is gone (None), and what was forced before it was replaced.
        """
        self.tree.remove(file for file, content in contents.items() if content is None)
        at_rest: dict[File, Identity | None] = {file: None for file, content in contents.items() if content is None}
        to_write = {file: content for file, content in contents.items() if content is not None}
        for file in kept.keys() & to_write.keys():
            if former := self.aside.kept_with(kept[file], to_write[file]):
                self.tree.place(file, self.aside.kept(kept[file]))
                del to_write[file]
                if self.journal.is_forced(file, former):
                    at_rest[file] = former
        for file, path in self.aside.stage(to_write).items():
            self.tree.place(file, path)
        self.aside.drop([kept[file] for file in to_write if file in kept])
        return at_rest

    def _settle(self, files: Collection[File], at_rest: Mapping[File, Identity | None]) -> None:
        forced = self.tree.sync(files, at_rest)
        with transaction(self.database, forced=False):  # lost in a power cut, the redo data is applied once more
            self.journal.settled({**at_rest, **forced})
