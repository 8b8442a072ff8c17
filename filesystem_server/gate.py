"""One writer at a time among all threads and worker processes, and a mark that shows when a writer was killed.

A sequence lock in a small shared file: even, the disk is as the journal says; odd, a writer is at work or died at work.
The mark outlives a killed process (it is in shared memory), not a power cut: so a starting server mends regardless.
"""

from __future__ import annotations

import fcntl
import mmap
import os
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")
_VERSION = struct.Struct("=Q")


class Gate:
    """See the module's docstring.

    Args:
        path: the shared file; made when absent.
        mend: brings the disk to what the journal says; called inside the gate when an earlier writer did not finish.
    """

    def __init__(self, path: Path, mend: Callable[[], None]) -> None:
        self._mend = mend
        self._threads = threading.Lock()
        self._process = os.getpid()
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        if os.fstat(self._file).st_size < _VERSION.size:
            os.ftruncate(self._file, _VERSION.size)
        self._shared = mmap.mmap(self._file, _VERSION.size)

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Alone among all threads and processes that use this data folder.

        Raises:
            RuntimeError: in a process forked from the one that opened the gate: they would share one lock.
        """
        if os.getpid() != self._process:
            raise RuntimeError("the data folder was opened before a fork; start gunicorn without --preload")
        with self._threads:
            fcntl.flock(self._file, fcntl.LOCK_EX)
            try:
                yield
            finally:
                fcntl.flock(self._file, fcntl.LOCK_UN)

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """Alone, with nothing left half done by an earlier writer."""
        with self.alone():
            if self._torn:
                self._mend()
                self.whole()
            yield

    def tear(self) -> None:
        """From here on the journal is ahead of the disk; only inside the gate."""
        if not self._torn:
            self._set(self._version + 1)

    def whole(self) -> None:
        """The disk is as the journal says again; only inside the gate."""
        if self._torn:
            self._set(self._version + 1)

    def steady(self, look: Callable[[], T]) -> T:
        """What ``look`` returns when no writer changes anything while it looks. ``look`` may be called twice."""
        before = self._version
        if before % 2 == 0:
            found = look()
            if self._version == before:
                return found
        with self.exclusive():
            return look()

    def close(self) -> None:
        self._shared.close()
        os.close(self._file)

    @property
    def _version(self) -> int:
        version: int = _VERSION.unpack_from(self._shared)[0]
        return version

    @property
    def _torn(self) -> bool:
        return self._version % 2 == 1

    def _set(self, version: int) -> None:
        _VERSION.pack_into(self._shared, 0, version)
