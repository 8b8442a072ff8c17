"""filesystem_server's files, listed and hashed from the disk itself."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from chaos.auditor.facts import FileFacts

NOT_A_PLAIN_FILE = "not a plain file"
_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_CHUNK = 1024 * 1024
_TRIES = 3


def read_files(root: Path, project: str | None = None) -> FileFacts:
    """Every file below ``root/<project>``, each hashed once. The server's own folders (``.saga``) are no projects.

    Raises:
        OSError: ``root`` cannot be listed.
    """
    projects: dict[str, dict[str, str]] = {}
    unreadable: list[str] = []
    for entry in sorted(os.scandir(root), key=lambda entry: entry.name):
        if entry.name.startswith(".") or not entry.is_dir(follow_symlinks=False) or project not in (None, entry.name):
            continue
        files = projects.setdefault(entry.name, {})
        for path in _walk(entry.path, unreadable):
            name = os.path.relpath(path, entry.path)
            try:
                sha256 = _hash(path)
            except OSError as error:
                unreadable.append(f"file {name} of project {entry.name}: {error.strerror}")
                continue
            if sha256 is not None:
                files[name] = sha256
    return FileFacts(projects, unreadable)


def _walk(folder: str, unreadable: list[str]) -> Iterator[str]:
    """Everything below ``folder`` that is no folder; folders that vanish meanwhile are empty."""

    def refused(error: OSError) -> None:
        if not isinstance(error, FileNotFoundError):
            unreadable.append(f"folder {error.filename}: {error.strerror}")

    for top, folders, names in os.walk(folder, onerror=refused):
        links = [name for name in folders if os.path.islink(os.path.join(top, name))]  # noqa: PTH114, PTH118 - speed
        yield from (os.path.join(top, name) for name in (*names, *links))  # noqa: PTH118 - speed


def _hash(path: str) -> str | None:
    """The sha256 (hex); None when the file is gone. A file that was just replaced by rename is read again."""
    for _ in range(_TRIES):
        try:
            handle = os.open(path, _FLAGS)
        except FileNotFoundError:
            continue  # a rename takes the old name away for no time at all, so a second look decides
        except OSError:
            if os.path.islink(path):  # noqa: PTH114 - speed
                return NOT_A_PLAIN_FILE
            raise
        try:
            if not stat.S_ISREG(os.fstat(handle).st_mode):
                return NOT_A_PLAIN_FILE
            digest = hashlib.sha256()
            while chunk := os.read(handle, _CHUNK):
                digest.update(chunk)
            return digest.hexdigest()
        finally:
            os.close(handle)
    return None
