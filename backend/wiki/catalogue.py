"""Where each reference leads: by the path of a document, by a label, by a name."""

from __future__ import annotations

import posixpath
from collections.abc import Sequence
from urllib.parse import unquote

from backend.wiki.model import CrossReference
from backend.wiki.names import Names, Place
from backend.wiki.naming import words
from backend.wiki.pages import Page

_INDEX_NAMES = ("index", "readme")


class Catalogue:
    """Built once for all pages, which come in a fixed order: the first of two equal paths or labels is meant."""

    def __init__(self, pages: Sequence[Page], suffixes: Sequence[str]) -> None:
        self.names = Names(pages)
        self._suffixes = (*suffixes, ".html", ".htm")
        self._paths: dict[str, Page] = {}
        self._labels: dict[str, Place] = {}
        self._own_labels: dict[tuple[str, str], Place] = {}
        self._anchors = {page.file: {heading.anchor for heading in page.headings} for page in pages}
        for page in pages:
            self._add_path(page)
            for label in page.labels:
                self._add_label(label, Place(page))
            for heading in page.headings:
                for label in heading.labels:
                    self._add_label(label, Place(page, heading.anchor))

    def _add_path(self, page: Page) -> None:
        path = self._path_key(page.document.doc_id)
        self._paths.setdefault(path, page)
        if posixpath.basename(path) in _INDEX_NAMES:
            self._paths.setdefault(posixpath.dirname(path), page)

    def _add_label(self, label: str, place: Place) -> None:
        self._labels.setdefault(_label_key(label), place)
        self._own_labels.setdefault((place.page.file, _label_key(label)), place)

    def resolve(self, reference: CrossReference, page: Page) -> Place | None:
        """Where `reference`, written on `page`, leads; None when nowhere in this wiki."""
        if reference.scheme == "path":
            return self._by_path(reference.target, page)
        label = _label_key(reference.target)
        if reference.scheme == "label" and (place := self._own_labels.get((page.file, label), self._labels.get(label))):
            return place
        for target in (reference.target, reference.target.partition("(")[0]):
            in_folder = self._paths.get(self._path_key(f"{reference.folder}/{target}"))
            found = Place(in_folder, is_title=True) if in_folder else self.names.find(words(target), page)
            if found:
                return found
        return None

    def _by_path(self, target: str, page: Page) -> Place | None:
        path, _, fragment = unquote(target).partition("#")
        path = path.partition("?")[0]
        found = self._page_at(path, page) if path else page
        if found is None:
            return None
        anchor = fragment.lower()
        return Place(found, anchor if anchor in self._anchors[found.file] else "", is_title=True)

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
