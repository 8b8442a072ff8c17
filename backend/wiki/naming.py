"""Names of files and anchors: safe ASCII, unique, of limited length, the same for the same input."""

from __future__ import annotations

import hashlib
import posixpath
import re
import unicodedata
from collections.abc import Iterable, Sequence

MAX_PART = 80  # characters of one part of a file name, before ".md"
MAX_FOLDERS = 4
# Windows refuses these as file names, whatever the extension; a wiki should survive `git clone` there.
RESERVED = {"con", "prn", "aux", "nul", *(f"{port}{digit}" for port in ("com", "lpt") for digit in range(10))}


def page_files(doc_ids: Iterable[str], suffixes: Sequence[str]) -> dict[str, str]:
    """doc_id -> "topics/<slug>.md". Ids whose slugs collide (by case, accent or Unicode form) get a hash of the id."""
    files: dict[str, str] = {}
    taken: set[str] = set()
    for doc_id in sorted(doc_ids):
        stem = _stem(doc_id, suffixes)
        name, digest = stem, hashlib.sha256(doc_id.encode()).hexdigest()
        for length in range(8, 65, 8):
            if name not in taken:
                break
            name = f"{stem}-{digest[:length]}"
        taken.add(name)
        files[doc_id] = f"topics/{name}.md"
    return files


def _stem(doc_id: str, suffixes: Sequence[str]) -> str:
    stem, suffix = posixpath.splitext(doc_id)
    parts = [
        part for part in (stem if suffix.lower() in suffixes else doc_id).split("/") if part not in ("", ".", "..")
    ]
    folders = [slug(part) for part in parts[:-1]]
    return "/".join([*folders[:MAX_FOLDERS], slug("-".join([*folders[MAX_FOLDERS:], *parts[-1:]]))])


def slug(text: str) -> str:
    """`text` as a lower-case ASCII file name of at most MAX_PART characters; a hash where nothing of it is left."""
    ascii_text = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    name = re.sub(r"[^a-z0-9_]+", "-", ascii_text).strip("-_")
    digest = hashlib.sha256(text.encode()).hexdigest()
    if not name:
        return f"page-{digest[:8]}"
    if name in RESERVED:
        return f"{name}-page"
    return name if len(name) <= MAX_PART else f"{name[: MAX_PART - 9].rstrip('-')}-{digest[:8]}"


def anchor(heading: str) -> str:
    """The anchor that GitHub, GitLab and most Markdown renderers give a heading."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


class Anchors:
    """Anchors of one page in reading order: a repeated heading gets -1, -2, as renderers do."""

    def __init__(self) -> None:
        self._repeats: dict[str, int] = {}

    def give(self, heading: str) -> str:
        wanted = name = anchor(heading)
        while name in self._repeats:
            self._repeats[wanted] += 1
            name = f"{wanted}-{self._repeats[wanted]}"
        self._repeats[name] = 0
        return name


def words(name: str) -> tuple[str, ...]:
    """The words by which a title is recognised: case, punctuation and a leading "the" do not count."""
    found = tuple(re.findall(r"\w+", unicodedata.normalize("NFC", name).casefold()))
    return found[1:] if len(found) > 1 and found[0] == "the" else found
