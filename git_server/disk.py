"""What git does not force to disk itself: folders after a rename, and a new repository as a whole."""

from __future__ import annotations

import os
from pathlib import Path


def sync(path: Path) -> None:
    """Force one file or folder to disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sync_tree(root: Path) -> None:
    """Force every file and folder below ``root`` to disk, and ``root`` itself."""
    for folder, _, names in os.walk(root, topdown=False):
        for name in names:
            sync(Path(folder, name))
        sync(Path(folder))
