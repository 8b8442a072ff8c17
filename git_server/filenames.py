"""Which file names may stand in a snapshot: no traversal, nothing that git, Windows or macOS take for its own.

filesystem_server has its own, stricter rules for what it stores; these guard the repository and whoever clones it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

from service_kit.problems import InvalidRequest

MAX_PATH_BYTES = 1024
MAX_NAME_BYTES = 255
_NTFS_SHORT_NAME = re.compile(r"git[a-z0-9]*~[0-9]+")  # what Windows calls .git, .gitmodules, ... when long names clash


def check_filenames(names: Iterable[str]) -> None:
    """Check every name, and that no two of them are one file on a case-insensitive or normalising disk.

    Raises:
        InvalidRequest: names the first bad entry of ``files``.
    """
    taken: dict[str, str] = {}
    for name in names:
        if reason := _fault(name):
            raise _refused(name, reason)
        key = _folded(name)
        if key in taken:
            raise _refused(name, f"it is the same file as {taken[key]!r} where case or Unicode form do not count")
        taken[key] = name
    for key, name in taken.items():
        for folder in _folders(key):
            if folder in taken:
                raise _refused(name, f"{taken[folder]!r} cannot be a file and a folder")


def _refused(name: str, reason: str) -> InvalidRequest:
    shown = name if len(name) <= 80 else name[:77] + "..."
    return InvalidRequest(f"file name {shown!r}: {reason}", field=f"files.{shown}")


def _fault(name: str) -> str | None:
    if len(name.encode(errors="replace")) > MAX_PATH_BYTES:
        return f"it is longer than {MAX_PATH_BYTES} bytes"
    if any(unicodedata.category(char) in ("Cc", "Cs") for char in name):
        return "it holds a control character or half a surrogate pair"
    if "\\" in name:
        return "it holds a backslash"
    return next(filter(None, map(_part_fault, name.split("/"))), None)


def _part_fault(part: str) -> str | None:
    if part in ("", ".", ".."):
        return "it is empty, absolute, or has an empty, '.' or '..' part"
    if len(part.encode()) > MAX_NAME_BYTES:
        return f"a part is longer than {MAX_NAME_BYTES} bytes"
    seen = _as_others_see_it(part)
    if seen.startswith(".git") or _NTFS_SHORT_NAME.match(seen):
        return "a part stands for one of git's own files"
    return None


def _as_others_see_it(part: str) -> str:
    """The name as a disk may see it that ignores case, compatibility forms, and characters without shape (HFS+)."""
    plain = unicodedata.normalize("NFKC", part)
    shaped = "".join(char for char in plain if unicodedata.category(char) not in ("Cf", "Mn"))
    return shaped.casefold().lstrip(" ")


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def _folders(path: str) -> Iterable[str]:
    while "/" in path:
        path = path.rpartition("/")[0]
        yield path
