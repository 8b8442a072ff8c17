"""What a saga replaces stays aside until it is confirmed: an undo brings that very file back, or its bytes (R7)."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from filesystem_server import tree
from filesystem_server.records import Writer
from filesystem_server.store import Store
from service_kit.barrier import Branch
from tests.integration.filesystem_story import WEEK, P, leftovers, on_disk

OLD = {f"{number}.md": f"old {number}".encode() for number in range(12)}
NEW = {name: content.replace(b"old", b"new") for name, content in OLD.items()}
SAGA = Branch("s1", P)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    found = Store(tmp_path, WEEK)
    yield found
    found.close()


def settled(store: Store) -> None:
    """The old files, written and forced by the server."""
    store.save(P, OLD, Writer("s0"))
    store.confirm(Branch("s0", P))


def kept(root: Path) -> list[Path]:
    return sorted((root / ".saga" / "kept").iterdir())


class Forces:
    """Counts what is forced to disk by ``os.fsync``."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.files = self.folders = 0
        self._fsync = os.fsync
        monkeypatch.setattr(os, "fsync", self.fsync)

    def fsync(self, handle: int) -> None:
        is_folder = stat.S_ISDIR(os.fstat(handle).st_mode)
        self.folders += is_folder
        self.files += not is_folder
        self._fsync(handle)


def test_an_undo_brings_back_the_very_file_and_forces_only_folders(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settled(store)
    before = {name: (tmp_path / P / name).stat() for name in OLD}
    store.save(P, NEW, Writer("s1"))
    forces = Forces(monkeypatch)
    store.undo_all(SAGA)
    assert (forces.files, forces.folders) == (0, 2), "the project and the data folder"
    after = {name: (tmp_path / P / name).stat() for name in OLD}
    assert {n: (s.st_ino, s.st_mtime_ns) for n, s in after.items()} == {
        n: (s.st_ino, s.st_mtime_ns) for n, s in before.items()
    }
    assert on_disk(tmp_path) == OLD and leftovers(tmp_path) == []


def test_a_file_that_somebody_else_wrote_is_forced_when_it_comes_back(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settled(store)
    (tmp_path / P / "0.md").write_bytes(b"by hand")
    (tmp_path / P / "0.md").chmod(0o600)
    store.save(P, NEW, Writer("s1"))
    forces = Forces(monkeypatch)
    store.undo_all(SAGA)
    assert forces.files == 1
    assert on_disk(tmp_path) == OLD | {"0.md": b"by hand"} and leftovers(tmp_path) == []
    assert stat.S_IMODE((tmp_path / P / "0.md").stat().st_mode) == 0o600


def removed(path: Path) -> None:
    path.unlink()


def changed(path: Path) -> None:
    path.write_bytes(b"x" * path.stat().st_size)


def shortened(path: Path) -> None:
    path.write_bytes(b"")


def a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def a_link(path: Path) -> None:
    path.unlink()
    path.symlink_to(path.parent.parent / "gate")


@pytest.mark.parametrize("damage", [removed, changed, shortened, a_folder, a_link])
def test_a_kept_file_that_is_not_what_was_there_is_not_believed(
    store: Store, tmp_path: Path, damage: Callable[[Path], None]
) -> None:
    settled(store)
    store.save(P, NEW, Writer("s1"))
    for path in kept(tmp_path)[::2]:
        damage(path)
    store.undo_all(SAGA)
    assert on_disk(tmp_path) == OLD
    for folder in kept(tmp_path):
        folder.rmdir()  # only what is somebody else's may be left
    assert leftovers(tmp_path) == []


def test_where_files_cannot_change_places_the_bytes_come_back(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tree, "exchange", lambda *_: False)
    settled(store)
    store.save(P, NEW, Writer("s1"))
    assert kept(tmp_path) == []
    store.undo(SAGA, "3.md")
    assert on_disk(tmp_path) == NEW | {"3.md": OLD["3.md"]}
    store.undo_all(SAGA)
    assert on_disk(tmp_path) == OLD and leftovers(tmp_path) == []


def test_a_confirm_lets_go_of_what_was_replaced(store: Store, tmp_path: Path) -> None:
    settled(store)
    store.save(P, NEW, Writer("s1"))
    assert {path.read_bytes() for path in kept(tmp_path)} == set(OLD.values())
    store.confirm(SAGA)
    assert on_disk(tmp_path) == NEW and leftovers(tmp_path) == []


def test_a_start_lets_go_of_what_no_open_saga_may_want(store: Store, tmp_path: Path) -> None:
    settled(store)
    store.save(P, NEW, Writer("s1"))
    wanted = kept(tmp_path)
    for name in ("999", "stray"):
        (tmp_path / ".saga" / "kept" / name).touch()
    Store(tmp_path, WEEK).close()
    assert kept(tmp_path) == wanted
    store.undo_all(SAGA)
    assert on_disk(tmp_path) == OLD and leftovers(tmp_path) == []


def test_the_old_shape_of_a_data_folder_is_taken_over(store: Store, tmp_path: Path) -> None:
    """One that an earlier version wrote: nothing kept aside, nothing known of what was forced."""
    settled(store)
    store.save(P, NEW, Writer("s1"))
    for path in kept(tmp_path):
        path.unlink()
    for table in ("back", "forced"):
        store._disk.database.execute(f"DROP TABLE {table}")
    newer = Store(tmp_path, WEEK)
    newer.undo_all(SAGA)
    newer.close()
    assert on_disk(tmp_path) == OLD and leftovers(tmp_path) == []
