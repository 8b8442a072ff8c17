"""After a power cut at the end of any chapter the journal mends whatever was not yet forced to disk.

The cut is played on a copy of the data folder: files never forced lose their content, folder entries never forced are
as at the folder's last force. The journal survives: SQLite forces it at every commit that an answer depends on.
"""

from __future__ import annotations

import os
import shutil
import stat
from pathlib import Path

import pytest

from filesystem_server.store import Store
from tests.integration.filesystem_story import CHAPTERS, WEEK, P, begin, leftovers, on_disk

Inode = tuple[int, int]


class Disk:
    """Knows what was forced, by wrapping ``os.fsync``."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.files: set[Inode] = set()
        self.folders: dict[int, dict[str, int]] = {}
        self._fsync = os.fsync
        monkeypatch.setattr(os, "fsync", self.fsync)

    def fsync(self, file: int) -> None:
        self._fsync(file)
        status = os.fstat(file)
        if stat.S_ISDIR(status.st_mode):
            self.folders[status.st_ino] = {entry.name: entry.inode() for entry in os.scandir(file)}
        else:
            self.files.add(_inode(status))

    def cut(self, root: Path, copy: Path) -> None:
        """Copy ``root`` as a disk that lost power now would come back."""
        shutil.copytree(root, copy)
        self._cut_folder(root, copy, {P})

    def _cut_folder(self, folder: Path, copy: Path, only: set[str] | None = None) -> None:
        forced = self.folders.get(folder.stat().st_ino, {})
        here = {entry.name: entry for entry in os.scandir(folder)}
        for name in {*forced, *here} if only is None else only:
            target = copy / name
            if name not in here or here[name].inode() != forced.get(name):
                _gone_or_stale(target, name in forced)
            elif here[name].is_dir():
                self._cut_folder(folder / name, target)
            elif _inode(here[name].stat()) not in self.files:
                target.write_bytes(b"")


def _gone_or_stale(target: Path, was_there: bool) -> None:
    if target.is_dir():
        shutil.rmtree(target)
    target.unlink(missing_ok=True)
    if was_there:
        target.write_bytes(b"stale")


def _inode(status: os.stat_result) -> Inode:
    return status.st_ino, status.st_mtime_ns


def test_what_was_answered_survives_a_power_cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    disk = Disk(monkeypatch)
    root = tmp_path / "root"
    begin(root)
    store = Store(root, WEEK)
    damaged = 0
    for number, (chapter, act, expected) in enumerate(CHAPTERS):
        act(store)
        copy = tmp_path / str(number)
        disk.cut(root, copy)
        damaged += on_disk(copy) != expected
        Store(copy, WEEK).close()
        assert on_disk(copy) == expected, chapter
    assert damaged >= 5, "the cut must have lost something for this to prove anything"
    assert leftovers(root) == []
    store.close()
