"""Which project ids, file names, saga ids and idempotency keys are taken, and which names look alike. No IO.

Refused names are never repaired: a name either means exactly one file or is a 400 that says why.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache
from urllib.parse import unquote

SAGA_FOLDER = ".saga"  # the server's own folder, beside the projects
MAX_COMPONENT_BYTES = 255  # what Linux file systems take
MAX_NAME_BYTES = 1024
MAX_DEPTH = 32
PROJECT_PATTERN = r"^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$"
SAGA_PATTERN = r"^[A-Za-z0-9_][A-Za-z0-9._:@~+-]{0,199}$"
KEY_PATTERN = r"^[!-~]{1,2048}$"  # a saga id, a step and a percent-encoded file name fit in

# The server's own folder, and what git takes for its own folder in a checkout (also on Windows).
_RESERVED = frozenset({SAGA_FOLDER, ".git", "git~1"})
_BIDI = frozenset("\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_REFUSED_CATEGORIES = frozenset({"Cc", "Cs", "Zl", "Zp"})


class BadName(ValueError):
    """The message says what is wrong with the name, and does not repeat it."""


def check_project(project: str) -> str:
    """``project`` itself, when it is 1 to 128 of ``A-Za-z0-9._-`` and starts with no dot or dash."""
    if not re.fullmatch(PROJECT_PATTERN, project):
        raise BadName("must be 1 to 128 letters, digits, '.', '_' or '-', and start with a letter, digit or '_'")
    return project


def check_saga(saga_id: str) -> str:
    """``saga_id`` itself, when it is 1 to 200 of ``A-Za-z0-9._:@~+-`` and starts with a letter, digit or ``_``."""
    if not re.fullmatch(SAGA_PATTERN, saga_id):
        raise BadName("must be 1 to 200 letters, digits or '._:@~+-', and start with a letter, digit or '_'")
    return saga_id


def check_key(key: str) -> str:
    """``key`` itself, when it is 1 to 2048 printable ASCII characters without spaces."""
    if not re.fullmatch(KEY_PATTERN, key):
        raise BadName("must be 1 to 2048 printable ASCII characters")
    return key


def check_filename(name: str) -> str:
    """``name`` itself, when it is a relative path that means one file below the project's folder.

    Raises:
        BadName: empty, absolute, too long or too deep; dot components, in whatever encoding or look-alike; backslash,
            NUL, control or direction characters; a reserved name.
    """
    _check_text(name)
    if len(name.encode()) > MAX_NAME_BYTES:
        raise BadName(f"is longer than {MAX_NAME_BYTES} bytes")
    if name.count("/") >= MAX_DEPTH:
        raise BadName(f"is deeper than {MAX_DEPTH} folders")
    for part in name.split("/"):
        _check_component(part)
    return name


@lru_cache(maxsize=16384)
def fold(component: str) -> str:
    """What two names have in common when a case-insensitive or normalising disk, or a reader, takes them for one."""
    visible = "".join(char for char in component if unicodedata.category(char) != "Cf")
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", visible).casefold())


def clash(names: Sequence[str]) -> tuple[int, int] | None:
    """The positions of the first two of ``names`` that cannot stand side by side.

    They are equal, look alike, or one is a file where the other has a folder.
    """
    seen: dict[tuple[str, ...], tuple[str, bool, int]] = {}  # folded path -> path, whether it is a file, position
    for position, name in enumerate(names):
        parts = name.split("/")
        for depth in range(1, len(parts) + 1):
            path, is_file = "/".join(parts[:depth]), depth == len(parts)
            other, was_file, first = seen.setdefault(tuple(map(fold, parts[:depth])), (path, is_file, position))
            if first != position and (other != path or is_file or was_file):
                return first, position
    return None


def _check_text(name: str) -> None:
    if "\ufffd" in name:
        raise BadName("is not valid UTF-8")
    if any(char in _BIDI or unicodedata.category(char) in _REFUSED_CATEGORIES for char in name):
        raise BadName("holds a control or text direction character")
    if "\\" in name:
        raise BadName("holds a backslash; folders are separated by '/'")


def _check_component(part: str) -> None:
    if not part:
        raise BadName("is absolute, empty, or has an empty component")
    if len(part.encode()) > MAX_COMPONENT_BYTES:
        raise BadName(f"has a component longer than {MAX_COMPONENT_BYTES} bytes")
    # A name that becomes a traversal when a later reader decodes or normalises it once more is a traversal.
    for form in (fold(part), fold(_decoded(part))):
        if form.strip(" ") in (".", "..", "") or any(char in form for char in "/\\\0"):
            raise BadName("has a component that leads out of its folder")
        if form.rstrip(" .") in _RESERVED:
            raise BadName("has a component that is reserved")


def _decoded(part: str) -> str:
    for _ in range(4):
        decoded = unquote(part)
        if decoded == part:
            break
        part = decoded
    return part
