"""Titles and headings as names in prose: which page a name means, and which names there are to look for."""

from __future__ import annotations

import posixpath
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from backend.wiki.model import plain
from backend.wiki.naming import words
from backend.wiki.pages import Page

MAX_WORDS = 12  # longer names are not looked for in prose
MAX_HOMONYMS = 3  # a heading that more pages have ("Synopsis") means none of them
_TITLE_PARTS = re.compile(r"\s+[—–-]\s+|:\s+")
_TITLE, _TITLE_PART, _PATH, _HEADING = range(4)  # kinds of names, the strongest first

Words = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Place:
    page: Page
    anchor: str = ""  # "" is the top of the page
    is_title: bool = False  # the name is the page's own, not one of its headings


@dataclass(frozen=True, slots=True, order=True)
class _Rank:
    """The smallest rank wins, where several places have one name."""

    kind: int
    level: int
    foreign: bool  # the page's id is no word of the name: 'The "if" statement' means `if` rather than `else`
    size: int
    doc_id: str


@dataclass(frozen=True, slots=True)
class _Name:
    """All that one name may mean."""

    best: Place | None  # None for a heading that too many pages have
    titles: tuple[Place, ...]  # the best two pages that are called so
    own: dict[str, Place]  # file of a page -> what the name means on that page


class Names:
    """Built once for all pages."""

    def __init__(self, pages: Iterable[Page]) -> None:
        ranked: dict[Words, dict[str, tuple[_Rank, Place]]] = defaultdict(dict)
        for page in pages:
            for kind, level, name, place in _names_of(page):
                if (key := words(name)) and len(key) <= MAX_WORDS:
                    foreign = not set(words(page.document.doc_id)) <= set(key)
                    rank = _Rank(kind, level, foreign, len(page.document.text), page.document.doc_id)
                    ranked[key].setdefault(page.file, (rank, place))
        self._names = {key: _name(list(found.values())) for key, found in ranked.items()}
        self.lengths = _lengths(self._names)

    def find(self, key: Words, page: Page, elsewhere: bool = False) -> Place | None:
        """What the name means on `page`: its own heading rather than another page's.

        `elsewhere` prefers another page of that title, as "See also" does.
        """
        name = self._names.get(key)
        if name is None:
            return None
        other = next((place for place in name.titles if place.page is not page), None) if elsewhere else None
        return other or name.own.get(page.file) or name.best


def _names_of(page: Page) -> Iterator[tuple[int, int, str, Place]]:
    """(kind, level, name, place), the strongest first."""
    top = Place(page, is_title=True)
    yield _TITLE, 0, page.name, top
    parts = _TITLE_PARTS.split(page.name)
    for part in parts if len(parts) > 1 else ():
        if len(words(part)) > 1:
            yield _TITLE_PART, 0, part, top
    yield _PATH, 0, posixpath.splitext(posixpath.basename(page.document.doc_id))[0], top
    for heading in page.headings:
        yield _HEADING, heading.level, plain(heading.children), Place(page, heading.anchor)


def _name(found: list[tuple[_Rank, Place]]) -> _Name:
    found.sort(key=lambda ranked: ranked[0])
    rank, best = found[0]
    vague = rank.kind == _HEADING and len(found) > MAX_HOMONYMS
    titles = [place for _, place in found if place.is_title]
    return _Name(None if vague else best, tuple(titles[:2]), {place.page.file: place for _, place in found})


def _lengths(keys: Iterable[Words]) -> dict[str, tuple[int, ...]]:
    """First word -> the lengths of the names that begin with it, longest first."""
    lengths: dict[str, set[int]] = defaultdict(set)
    for key in keys:
        lengths[key[0]].add(len(key))
    return {first: tuple(sorted(found, reverse=True)) for first, found in lengths.items()}
