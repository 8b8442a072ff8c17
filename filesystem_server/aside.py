"""Files beside the projects, in ``.saga``: new ones on their way in, and replaced ones that an undo may bring back.

None of them is the truth. The journal holds every byte, before and after, and is forced; a kept file only spares an
undo the writing of a new one, and is believed when its bytes are the journal's.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from filesystem_server.names import SAGA_FOLDER

T = TypeVar("T")
R = TypeVar("R")
File = tuple[str, str]  # project, filename
Identity = tuple[int, int]  # inode, time of the last write in nanoseconds

_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC  # not blocking: the name may be a pipe
_WRITE = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
_AT_ONCE = 8


class Aside:
    """See the module's docstring.

    Args:
        root: the data folder, made when absent: on one file system, so that a rename moves a file in or out.
    """

    def __init__(self, root: Path) -> None:
        own = root / SAGA_FOLDER
        self._staged, self._kept = own / "staged", own / "kept"
        for folder in (self._staged, self._kept):
            folder.mkdir(parents=True, exist_ok=True)
        for folder in (own, root, root.parent):
            _sync_folder(folder)

    def stage(self, contents: Mapping[File, bytes]) -> dict[File, Path]:
        """Write each content to a file of its own, so that a full disk shows before the commit."""
        staged: dict[File, Path] = {}
        for number, (file, content) in enumerate(contents.items()):
            path = self._staged / str(number)
            with os.fdopen(os.open(path, _WRITE, 0o666), "wb") as target:
                target.write(content)
            staged[file] = path
        return staged

    def unstage(self) -> None:
        """Remove whatever is staged."""
        for path in self._staged.iterdir():
            path.unlink()

    def kept(self, number: int) -> Path:
        """Where the file that was replaced under this number is kept."""
        return self._kept / str(number)

    def kept_with(self, number: int, content: bytes) -> Identity | None:
        """The file that is kept under this number, None when there is none with these bytes."""
        try:
            found = self.kept(number).lstat()
            if not stat.S_ISREG(found.st_mode) or found.st_size != len(content):
                return None
            with os.fdopen(os.open(self.kept(number), _READ), "rb", buffering=0) as file:
                return identity(found) if file.read() == content else None
        except OSError:
            return None

    def drop(self, numbers: Iterable[int]) -> None:
        """Let go of what is kept under these numbers, if it still is."""
        together(_let_go, [self.kept(number) for number in numbers])

    def sweep(self, wanted: Container[int]) -> None:
        """Let go of all that is kept under no wanted number: a writer was killed before it could."""
        kept = list(self._kept.iterdir())
        together(_let_go, [path for path in kept if not (path.name.isdecimal() and int(path.name) in wanted)])


def together(work: Callable[[T], R], on: Sequence[T]) -> list[R]:
    """Do the work on each: many at once, because what forces or frees blocks waits for the file system's own journal,
    and those that wait together wait once."""
    if len(on) < _AT_ONCE:
        return [work(one) for one in on]
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return list(pool.map(work, on))


def identity(found: os.stat_result) -> Identity:
    """What tells this file, with these bytes, from any other; renames do not change it."""
    return found.st_ino, found.st_mtime_ns


def _let_go(path: Path) -> None:
    with suppress(FileNotFoundError, IsADirectoryError):  # a folder got here by somebody's hand, and is not ours
        path.unlink()


def _sync_folder(path: Path) -> None:
    folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
