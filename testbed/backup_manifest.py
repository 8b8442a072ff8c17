"""What a backup says of itself: ``backup.json``, written last."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from testbed.errors import Failure
from testbed.private import write_private

FILE = "backup.json"
FORMAT = 1


@dataclass(frozen=True)
class Manifest:
    """One backup.

    Attributes:
        log: the file that the saga log is in.
        made_at: Unix seconds.
        position: the newest event of any worker is at this position of the log or before it.
        open_sagas: those that were open or parked then; recovery brings them to their ends.
        files, bytes: how much there is to it, this file left out.
    """

    log: str
    made_at: float
    position: int
    open_sagas: int
    files: int
    bytes: int
    format: int = FORMAT

    def write(self, folder: Path) -> None:
        write_private(folder / FILE, json.dumps(asdict(self), indent=1) + "\n")


def read_whole(folder: Path) -> Manifest:
    """The manifest of a backup that is all there. Raises Failure."""
    try:
        found = Manifest(**json.loads((folder / FILE).read_text()))
    except FileNotFoundError:
        raise Failure(f"{folder} is no backup: it has no {FILE}, which is written last") from None
    except (TypeError, ValueError):
        raise Failure(f"{folder / FILE} is not what this program writes") from None
    if found.format != FORMAT:
        raise Failure(f"the backup in {folder} has format {found.format}, this program knows {FORMAT}")
    if (there := size_of(folder)) != (found.files, found.bytes):
        raise Failure(
            f"the backup in {folder} is not whole: it has {there[0]:,} files of {there[1]:,} bytes, and had"
            f" {found.files:,} of {found.bytes:,}"
        )
    return found


def size_of(folder: Path) -> tuple[int, int]:
    """How many files there are below ``folder``, and how many bytes, without the manifest."""
    sizes = [path.lstat().st_size for path in folder.rglob("*") if not path.is_dir() and path != folder / FILE]
    return len(sizes), sum(sizes)
