"""The store: saves, undos and confirms, each one durable step (``step.py``) of barrier record, undo and redo data."""

from __future__ import annotations

import json
import os
import threading
import time
from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from filesystem_server.aside import File
from filesystem_server.names import SAGA_FOLDER
from filesystem_server.records import (
    Listed,
    Page,
    SagaItem,
    SagaReport,
    Saved,
    Writer,
    fingerprint,
    saga_item,
    sha256,
)
from filesystem_server.request_keys import RequestKeys
from filesystem_server.step import DATABASE, Disk
from filesystem_server.tree import Listings
from service_kit.barrier import Barrier, Branch
from service_kit.database import connect, snapshot
from service_kit.problems import Locked, NotFound, Unavailable

_GONE = json.dumps(None)  # the kept answer of a plain delete
_COLLECT_EVERY_SECONDS = 3600.0


class Store:
    """Thread-safe, and safe with several processes on one data folder (not with one opened before a fork).

    Args:
        root: the data folder.
        keep_seconds: how long the records of closed sagas are kept; longer than any call can be on its way.
        clock: wall-clock seconds.
    """

    def __init__(self, root: Path, keep_seconds: float, clock: Callable[[], float] = time.time) -> None:
        self._root = root
        self._disk = Disk(root)
        self._tree, self._gate, self._journal = self._disk.tree, self._disk.gate, self._disk.journal
        self._keep_seconds = keep_seconds
        self._clock = clock
        self._collected_at = 0.0
        self._read_lock = threading.Lock()
        with self._gate.alone():
            self._barrier = Barrier(self._disk.database, clock)
            self._keys = RequestKeys(self._disk.database, clock)
            # Readers must not see the writer's open transaction, so they have a connection of their own.
            self._read_db = connect(root / SAGA_FOLDER / DATABASE)
            self._read_barrier = Barrier(self._read_db, clock)

    def save(self, project: str, files: Mapping[str, bytes], writer: Writer) -> list[Saved]:
        """Save all files in one durable step, or none.

        Raises:
            Locked: an open saga of someone else holds a file.
            SagaCompensated, Conflict: see service_kit.barrier; Conflict also for a name that collides.
        """
        hashes = {name: sha256(content) for name, content in files.items()}
        asked = fingerprint("save", hashes)
        with self._disk.step() as step:
            answers = self._first_answers(project, hashes, writer, asked)
            fresh = {name: files[name] for name in files if name not in answers}
            listings: Listings = {}
            former = {name: self._tree.examine(project, name, listings) for name in fresh}
            answers |= {name: _saved(name, hashes[name], content, former[name]) for name, content in fresh.items()}
            if fresh:
                step.keep = self._record(writer.branch(project), writer, former, [answers[name] for name in fresh])
                contents = {(project, name): content for name, content in fresh.items()}
                self._journal.plan(contents)
                step.settle = writer.saga_id is None
                step.staged = self._disk.aside.stage(contents)
                self._tree.make_folders(step.staged)
        return [answers[name] for name in files]

    def delete(self, project: str, filename: str, writer: Writer) -> None:
        """Delete a file that no open saga holds.

        Raises:
            NotFound: there is no such file.
            Locked: an open saga holds it.
        """
        branch = writer.branch(project)
        with self._disk.step() as step:
            if writer.key is not None:
                if self._keys.claim(branch, writer.key, fingerprint("delete", {filename: ""})) is not None:
                    return
                self._keys.answer(branch, writer.key, _GONE)
            self._refuse_held(project, filename)
            if self._tree.read(project, filename) is None:
                raise NotFound(f"there is no file {filename!r} in project {project!r}")
            step.restored = {(project, filename): None}
            self._journal.plan(step.restored)

    def undo(self, branch: Branch, filename: str) -> None:
        """Bring one file back to what it was before the saga, and keep the saga from ever writing it again (R6, R7)."""
        with self._disk.step() as step:
            if self._barrier.undo(branch, filename):
                step.restored, step.kept = self._journal.plan_back(branch, [filename])

    def undo_all(self, branch: Branch) -> None:
        """Bring back all that the saga wrote in the project, and keep it from ever writing there again (R6, R7)."""
        with self._disk.step() as step:
            step.restored, step.kept = self._journal.plan_back(branch, self._barrier.undo_all(branch))
            self._collect()

    def confirm(self, branch: Branch) -> None:
        """The saga committed: force its files to disk, release its locks, drop its undo and redo data."""
        with self._read_lock:
            names = [item.item for item in self._read_barrier.items(branch)]
        forced = self._tree.sync([(branch.project, name) for name in names])  # most of the work, while others may write
        with self._disk.step() as step:
            done = self._barrier.confirm(branch)
            forced |= self._tree.sync(self._journal.unsettled(branch.project, set(done) - set(names)))
            step.kept = self._journal.drop_undo(branch)
            self._journal.settled({(branch.project, name): forced.get((branch.project, name)) for name in done})
            self._collect()

    def read(self, project: str, filename: str) -> tuple[bytes, str | None]:
        """The file's bytes and the open saga that holds it.

        Raises:
            NotFound: there is no such file.
        """
        content, holder = self._gate.steady(
            lambda: (self._tree.read(project, filename), self._holder(project, filename))
        )
        if content is None:
            raise NotFound(f"there is no file {filename!r} in project {project!r}")
        return content, holder

    def page(self, project: str, after: str, limit: int) -> Page:
        """Up to ``limit`` files whose names sort behind ``after``."""
        return self._gate.steady(lambda: self._look_page(project, after, limit))

    def projects_of(self, saga_id: str) -> list[str]:
        """The projects in which this saga is known here, sorted."""
        with self._read_lock:
            return self._read_barrier.projects(saga_id)

    def report(self, branch: Branch) -> SagaReport:
        """What is known of the saga in this project.

        Raises:
            NotFound: nothing.
        """
        with self._read_lock, snapshot(self._read_db):
            state, items = self._read_barrier.state(branch), self._read_barrier.items(branch)
        if state is None:
            raise NotFound(f"nothing is known of saga {branch.saga_id!r}")
        written: list[SagaItem] = [saga_item(item.answer, item.effect) for item in items if item.answer]
        return SagaReport(branch.saga_id, branch.project, state, written)

    def check(self) -> None:
        """Raises when the data folder cannot be written or the journal not be read."""
        if not os.access(self._root, os.W_OK | os.X_OK):
            raise Unavailable("the data folder is not writable")
        with self._read_lock:
            self._read_db.execute("SELECT 1 FROM redo LIMIT 1").fetchone()

    def close(self) -> None:
        self._disk.close()
        self._read_db.close()

    def _first_answers(self, project: str, hashes: Mapping[str, str], writer: Writer, asked: str) -> dict[str, Saved]:
        """Claim every file; the answers to those that this writer saved before."""
        branch = writer.branch(project)
        first = {} if writer.saga_id is None else self._barrier.act(branch, hashes)
        if writer.key is not None and (kept := self._keys.claim(branch, writer.key, asked)) is not None:
            first = dict(json.loads(kept))
        if writer.saga_id is None and not first:
            for name in hashes:
                self._refuse_held(project, name)
        return {name: Saved.of_text(text) for name, text in first.items()}

    def _record(
        self, branch: Branch, writer: Writer, former: Mapping[str, bytes | None], new: Iterable[Saved]
    ) -> Mapping[File, int]:
        """Keep the answers for repeats, and a saga's undo data. The numbers of the files to keep aside for it."""
        answers = {saved.filename: saved.text() for saved in new}
        if writer.saga_id is not None:
            self._barrier.answer(branch, answers)
            return self._journal.keep(branch, former)
        if writer.key is not None:
            self._keys.answer(branch, writer.key, json.dumps(answers))
        return {}

    def _refuse_held(self, project: str, filename: str) -> None:
        if holder := self._barrier.holder(project, filename):
            raise Locked(f"{filename!r} is held by saga {holder!r}", holder=holder)

    def _holder(self, project: str, filename: str) -> str | None:
        with self._read_lock:
            return self._read_barrier.holder(project, filename)

    def _look_page(self, project: str, after: str, limit: int) -> Page:
        names = self._tree.names(project)
        start = bisect_right(names, after)
        shown = names[start : start + limit]
        with self._read_lock:
            holders = self._read_barrier.holders(project)
        contents = ((name, self._tree.read(project, name)) for name in shown)
        files = [Listed(name, len(c), sha256(c), holders.get(name)) for name, c in contents if c is not None]
        return Page(files, shown[-1] if start + limit < len(names) else None)

    def _collect(self) -> None:
        """Forget old records now and then; runs inside the caller's transaction."""
        if self._clock() - self._collected_at > _COLLECT_EVERY_SECONDS:
            self._collected_at = self._clock()
            self._barrier.forget(self._keep_seconds)
            self._keys.forget(self._keep_seconds)


def _saved(name: str, digest: str, content: bytes, former: bytes | None) -> Saved:
    return Saved(name, digest, len(content), None if former is None else sha256(former))
