"""Two files change places in one instant: Linux ``renameat2``, which Python does not have."""

from __future__ import annotations

import ctypes
import os
from pathlib import Path

_AT_FDCWD, _RENAME_EXCHANGE = -100, 2
_renameat2 = getattr(ctypes.CDLL(None), "renameat2", None)


def exchange(path: Path, folder: int, name: str) -> bool:
    """Let ``path`` and ``name`` in the open ``folder`` change places.

    Returns:
        False when system or file system cannot, or one of the two is not there: nothing was changed.
    """
    if _renameat2 is None:
        return False
    return bool(_renameat2(_AT_FDCWD, os.fsencode(path), folder, os.fsencode(name), _RENAME_EXCHANGE) == 0)
