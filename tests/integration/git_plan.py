"""The plan that git_killpoints.c maps: when to kill whom, shared between processes."""

from __future__ import annotations

import mmap
import os
import struct
from pathlib import Path

PLAN = "KILLPOINTS"
_LAYOUT = struct.Struct("=7i")  # armed, count, target, mode, worker, torn, frozen
MODES = {"all": 1, "worker": 2, "git": 3, "worker, git frozen": 4, "disk full": 5, "read-only": 6}


class Plan:
    def __init__(self, shared: mmap.mmap) -> None:
        self._shared = shared

    @classmethod
    def make(cls, path: Path) -> None:
        path.write_bytes(bytes(_LAYOUT.size))

    @classmethod
    def open(cls, path: str) -> Plan:
        handle = os.open(path, os.O_RDWR)
        try:
            return cls(mmap.mmap(handle, _LAYOUT.size))
        finally:
            os.close(handle)

    def arm(self, *, target: int, mode: str, torn: bool, worker: int) -> None:
        _LAYOUT.pack_into(self._shared, 0, 0, 0, target, MODES[mode], worker, int(torn), 0)
        struct.pack_into("=i", self._shared, 0, 1)

    def disarm(self) -> None:
        struct.pack_into("=i", self._shared, 0, 0)

    @property
    def count(self) -> int:
        return int(_LAYOUT.unpack_from(self._shared)[1])

    def thaw(self) -> None:
        """Let the frozen git go on."""
        struct.pack_into("=i", self._shared, _LAYOUT.size - 4, 0)
