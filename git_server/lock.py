"""One writer per project: an exclusive flock on a file of its own."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from git_server.errors import RepositoryUnavailable

_POLL = 0.003  # seconds between two tries


class ProjectLocks:
    """Locks between the threads and processes that share ``folder``.

    A flock belongs to the open file: it ends with the last process that holds the file open. So the kernel releases the
    lock of a killed worker, but not before the git process that the worker started is done (``Git.run(keep=...)``).
    """

    def __init__(self, folder: Path, timeout: float) -> None:
        self.folder = folder
        self.timeout = timeout

    @contextmanager
    def hold(self, project: str, timeout: float | None = None) -> Iterator[int]:
        """Hold the project's lock; yields its file descriptor.

        Raises:
            RepositoryUnavailable: somebody else held it for ``timeout`` seconds (default: the setting).
        """
        deadline = time.monotonic() + (self.timeout if timeout is None else timeout)
        handle = os.open(self.folder / project, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            while not _locked(handle):
                if time.monotonic() >= deadline:
                    raise RepositoryUnavailable("another request works on this project")
                time.sleep(_POLL)
            yield handle
        finally:
            os.close(handle)


def _locked(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
