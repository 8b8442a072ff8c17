"""Where each name leads: paths of documents, labels, titles and headings of all pages."""

from __future__ import annotations

import posixpath
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from urllib.parse import unquote

from backend.wiki.model import CrossReference, plain
from backend.wiki.naming import words
from backend.wiki.pages import Page

MAX_WORDS = 12  # longer names are not looked for in prose
MAX_HOMONYMS = 3  # a heading that more pages have ("Synopsis") means none of them
_TITLE_PARTS = re.compile(r"\s+[—–-]\s+|:\s+")
_INDEX_NAMES = ("index", "readme")


@dataclass(frozen=True, slots=True)
class Place:
    page: Page
    anchor: str = ""  # "" is the top of the page
    is_title: bool = False  # the name is the page's own, not one of its headings


@dataclass(frozen=True, slots=True, order=True)
class _Rank:
    """The smallest rank wins, where several places have one name."""

    kind: int  # 0 a title, 1 a part of a title, 2 the last part of a path, 3 a heading
    level: int
    foreign: bool  # the page's id is no word of the name: 'The "if" statement' means `if` rather than `else`
    size: int
    doc_id: str


class Catalogue:
    """Built once for all pages; every look-up prefers places on the asking page itself."""

    def __init__(self, pages: Iterable[Page], suffixes: Sequence[str]) -> None:
        self._suffixes = (*suffixes, ".html", ".htm")
        self._paths: dict[str, Page] = {}
        self._labels: dict[str, list[Place]] = defaultdict(list)
        self._ranked: dict[tuple[str, ...], list[tuple[_Rank, Place]]] = defaultdict(list)
        for page in pages:
            self._add(page)
        for places in self._ranked.values():
            places.sort(key=lambda ranked: ranked[0])
        self.lengths: dict[str, tuple[int, ...]] = self._lengths()

    def _add(self, page: Page) -> None:
        path = self._path_key(page.document.doc_id)
        self._paths.setdefault(path, page)
        if posixpath.basename(path) in _INDEX_NAMES:
            self._paths.setdefault(posixpath.dirname(path), page)
        self._name(page, 0, page.name, Place(page, is_title=True))
        parts = _TITLE_PARTS.split(page.name)
        for part in parts if len(parts) > 1 else ():
            if len(words(part)) > 1:
                self._name(page, 1, part, Place(page, is_title=True))
        self._name(page, 2, posixpath.basename(path), Place(page, is_title=True))
        for label in page.labels:
            self._labels[_label_key(label)].append(Place(page))
        for heading in page.headings:
            place = Place(page, heading.anchor)
            self._name(page, 3, plain(heading.children), place, heading.level)
            for label in heading.labels:
                self._labels[_label_key(label)].append(place)

    def _name(self, page: Page, kind: int, name: str, place: Place, level: int = 0) -> None:
        key = words(name)
        if key and len(key) <= MAX_WORDS:
            foreign = not set(words(page.document.doc_id)) <= set(key)
            rank = _Rank(kind, level, foreign, len(page.document.text), page.document.doc_id)
            self._ranked[key].append((rank, place))

    def _lengths(self) -> dict[str, tuple[int, ...]]:
        """First word -> the lengths of names that begin with it, longest first."""
        lengths: dict[str, set[int]] = defaultdict(set)
        for key in self._ranked:
            lengths[key[0]].add(len(key))
        return {first: tuple(sorted(found, reverse=True)) for first, found in lengths.items()}

    def resolve(self, reference: CrossReference, page: Page) -> Place | None:
        """Where `reference`, written on `page`, leads; None when nowhere in this wiki."""
        if reference.scheme == "path":
            return self._by_path(reference.target, page)
        if reference.scheme == "label" and (places := self._labels.get(_label_key(reference.target))):
            return _own_first(places, page)
        for target in (reference.target, reference.target.partition("(")[0]):
            in_folder = self._paths.get(self._path_key(f"{reference.folder}/{target}"))
            place = Place(in_folder, is_title=True) if in_folder else self.by_words(words(target), page)
            if place:
                return place
        return None

    def by_words(self, key: tuple[str, ...], page: Page, elsewhere: bool = False) -> Place | None:
        """`elsewhere` prefers another page of that title to the asking page's own heading: for "See also"."""
        ranked = self._ranked.get(key)
        if not ranked:
            return None
        if ranked[0][0].kind == 3 and len({place.page.file for _, place in ranked}) > MAX_HOMONYMS:
            ranked = [(rank, place) for rank, place in ranked if place.page is page]
        places = [place for _, place in ranked]
        if elsewhere and (other := next((p for p in places if p.is_title and p.page is not page), None)):
            return other
        return _own_first(places, page) if places else None

    def _by_path(self, target: str, page: Page) -> Place | None:
        path, _, fragment = unquote(target).partition("#")
        path = path.partition("?")[0]
        found = self._page_at(path, page) if path else page
        if found is None:
            return None
        anchors = {heading.anchor for heading in found.headings}
        return Place(found, fragment.lower() if fragment.lower() in anchors else "", is_title=True)

    def _page_at(self, path: str, page: Page) -> Page | None:
        """Relative to the page's own folder; with a leading slash, or failing that, relative to the top."""
        here = posixpath.dirname(page.document.doc_id)
        for base in ("",) if path.startswith("/") else (here, ""):
            joined = posixpath.normpath(posixpath.join(base, path.lstrip("/")))
            if not joined.startswith("..") and (found := self._paths.get(self._path_key(joined))):
                return found
        return None

    def _path_key(self, path: str) -> str:
        stem, suffix = posixpath.splitext(path)
        stem = stem if suffix.lower() in self._suffixes else path
        return "" if stem in (".", "/") else stem.strip("/").casefold()


def _label_key(label: str) -> str:
    return " ".join(label.casefold().split())


def _own_first(places: Sequence[Place], page: Page) -> Place:
    return next((place for place in places if place.page is page), places[0])
