"""The plain files: ``<root>/<project>/<filename>``, reached component by component, never through a symbolic link.

Nothing here is durable by itself: the journal is, until ``sync`` has returned.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Collection, Container, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from filesystem_server.aside import File, Identity, identity, together
from filesystem_server.exchange import exchange
from filesystem_server.names import fold
from service_kit.problems import Conflict, InvalidRequest, TooLarge

Listings = dict[tuple[str, ...], dict[str, str]]  # folder -> folded name -> name

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC  # not blocking: the name may be a pipe
MAX_FORMER_BYTES = 256 * 1024 * 1024  # of a file that is replaced; a file put there by hand may be of any size


class Tree:
    """See the module's docstring.

    Args:
        root: the data folder.
    """

    def __init__(self, root: Path) -> None:
        self._root = root

    def read(self, project: str, filename: str) -> bytes | None:
        """The file's bytes, or None when there is no such regular file.

        Raises:
            InvalidRequest: a symbolic link is on the way.
        """
        folders, name = _split(project, filename)
        try:
            with self._open(folders) as folder:
                return _read_file(folder, name)
        except (FileNotFoundError, NotADirectoryError):
            return None

    def examine(self, project: str, filename: str, listings: Listings) -> bytes | None:
        """The bytes that a save would replace, or None when the name is new.

        Args:
            listings: a cache of folder listings for one batch; pass an empty dict.

        Raises:
            Conflict: a file or folder of another kind, or a name that looks alike, is in the way.
            InvalidRequest: a symbolic link is on the way.
        """
        *folders, name = path = (project, *filename.split("/"))
        folder = self._top()
        try:
            for depth, part in enumerate(path):
                found = _look(folder, part)
                if found is None:
                    if depth:  # project ids are ASCII and case-sensitive
                        _refuse_look_alike(folder, part, path[:depth], listings)
                    return None
                if depth < len(folders):
                    if not stat.S_ISDIR(found.st_mode):
                        raise _in_the_way(f"{part!r} is a file, so nothing can be saved below it")
                    folder = _deeper(folder, part)
                elif not stat.S_ISREG(found.st_mode):
                    raise _in_the_way(f"{part!r} is a folder, or a special file")
                elif found.st_size > MAX_FORMER_BYTES:
                    raise TooLarge(f"the former {part!r} is larger than {MAX_FORMER_BYTES} bytes, too large to keep")
            return _read_file(folder, name)
        finally:
            os.close(folder)

    def make_folders(self, files: Iterable[File]) -> None:
        """Make the folders that the files need, so that a full disk shows before the commit."""
        for path in {_split(*file)[0] for file in files}:
            with self._open(path, make=True):
                pass

    def place(self, file: File, aside: Path, keep: Path | None = None) -> None:
        """Move a file from aside to its place, atomically, replacing what is there.

        Args:
            keep: where what is replaced shall be; it is gone all the same where files cannot be exchanged.
        """
        folders, name = _split(*file)
        with self._open(folders, make=True) as folder:
            # Not a link and a rename: ext4 starts to write a file at once when it is renamed over another one.
            if keep is not None and exchange(aside, folder, name):
                aside.rename(keep)
            else:
                os.rename(aside, name, dst_dir_fd=folder)

    def remove(self, files: Iterable[File]) -> None:
        """Remove the files that are there, and the folders that they leave empty."""
        gone = list(files)
        for folders, name in (_split(*file) for file in gone):
            with suppress(FileNotFoundError, NotADirectoryError, IsADirectoryError), self._open(folders) as folder:
                os.unlink(name, dir_fd=folder)
        self.prune(gone)

    def prune(self, files: Iterable[File]) -> None:
        """Remove the folders of these files that are empty."""
        for path in {_split(*file)[0] for file in files}:
            self._prune(path)

    def sync(self, files: Collection[File], at_rest: Container[File] = ()) -> dict[File, Identity | None]:
        """Force the files, and every folder on their way, to the disk. What is not there is skipped.

        Args:
            at_rest: of these only the folders are forced.

        Returns:
            Each file that was forced, None when it is not there.
        """
        moving = [file for file in files if file not in at_rest]
        forced = dict(zip(moving, together(self._sync_file, moving), strict=True))
        paths = {_split(*file)[0] for file in files}
        for above in {path[:depth] for path in paths for depth in range(len(path) + 1)}:
            with suppress(FileNotFoundError, NotADirectoryError), self._open(above) as folder:
                os.fsync(folder)
        return forced

    def names(self, project: str) -> list[str]:
        """Every plain file's name in the project, sorted; links, special files and undecodable names are left out."""
        top = self._root / project
        if top.is_symlink():
            return []
        found = []
        for folder, _, files in os.walk(top):
            below = Path(folder).relative_to(top)
            found += [str(below / name) for name in files if not (Path(folder) / name).is_symlink()]
        return sorted(name for name in found if _is_text(name))

    @contextmanager
    def _open(self, folders: Sequence[str], make: bool = False) -> Iterator[int]:
        """A descriptor of the folder, walked to without following a link."""
        folder = self._top()
        try:
            for part in folders:
                folder = _deeper(folder, part, make)
            yield folder
        finally:
            os.close(folder)

    def _prune(self, folders: Sequence[str]) -> None:
        for depth in range(len(folders), 0, -1):
            try:
                with self._open(folders[: depth - 1]) as parent:
                    os.rmdir(folders[depth - 1], dir_fd=parent)
            except (FileNotFoundError, NotADirectoryError):
                continue
            except OSError as error:
                if error.errno in (errno.ENOTEMPTY, errno.EEXIST):
                    return
                raise

    def _top(self) -> int:
        return os.open(self._root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)

    def _sync_file(self, file: File) -> Identity | None:
        folders, name = _split(*file)
        with suppress(FileNotFoundError, NotADirectoryError), self._open(folders) as folder:
            handle = os.open(name, _READ, dir_fd=folder)
            try:
                os.fsync(handle)
                return identity(os.fstat(handle))
            finally:
                os.close(handle)
        return None


def _split(project: str, filename: str) -> tuple[tuple[str, ...], str]:
    *below, name = filename.split("/")
    return (project, *below), name


def _deeper(folder: int, part: str, make: bool = False) -> int:
    """The descriptor of ``part`` in ``folder``; closes ``folder`` unless it raises."""
    try:
        deeper = os.open(part, _FOLDER, dir_fd=folder)
    except FileNotFoundError:
        if not make:
            raise
        with suppress(FileExistsError):
            os.mkdir(part, dir_fd=folder)
        deeper = os.open(part, _FOLDER, dir_fd=folder)
    except NotADirectoryError:
        _look(folder, part)  # raises when it is a link
        raise
    os.close(folder)
    return deeper


def _look(folder: int, part: str) -> os.stat_result | None:
    """What ``part`` is, None when it is not there.

    Raises:
        InvalidRequest: a symbolic link.
    """
    try:
        found = os.stat(part, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return None
    if stat.S_ISLNK(found.st_mode):
        raise InvalidRequest(f"{part!r} is a symbolic link, which is never followed", field="filename")
    return found


def _read_file(folder: int, name: str) -> bytes | None:
    found = _look(folder, name)
    if found is None or not stat.S_ISREG(found.st_mode):
        return None
    with os.fdopen(os.open(name, _READ, dir_fd=folder), "rb", buffering=0) as file:
        return file.read()


def _refuse_look_alike(folder: int, part: str, path: tuple[str, ...], listings: Listings) -> None:
    if path not in listings:
        listings[path] = {fold(name): name for name in os.listdir(folder)}
    if (other := listings[path].get(fold(part))) is not None:
        raise _in_the_way(f"{part!r} and the existing {other!r} differ only in case or Unicode form")


def _in_the_way(detail: str) -> Conflict:
    return Conflict(detail, extra={"errors": [{"field": "filename", "reason": detail}]})


def _is_text(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True
