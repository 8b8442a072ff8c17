"""A document as a page: its title, its body with headings below the title's level, and an anchor for each of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from backend.wiki.model import Blocks, Heading, Inlines, Text, depth, plain
from backend.wiki.naming import Anchors, words
from backend.wiki.records import Document

CONTENTS = "Contents"
MAX_DEPTH = 50


@dataclass(frozen=True, slots=True)
class Page:
    document: Document
    file: str  # "topics/assignment.md"
    title: Inlines
    labels: tuple[str, ...]  # names that mean the page as a whole
    body: Blocks  # headings are of level 2 and below, each with its anchor

    @property
    def headings(self) -> tuple[Heading, ...]:
        return tuple(block for block in self.body if isinstance(block, Heading))

    @property
    def name(self) -> str:
        """The title as plain text."""
        return " ".join(plain(self.title).split())


def has_contents(headings: Sequence[Heading]) -> bool:
    """Whether a page with these headings is long enough for a table of contents."""
    return len(headings) > 1


def compose(document: Document, file: str, blocks: Blocks) -> Page:
    """Raises ValueError for blocks that are nested deeper than any reader, or any renderer, could follow."""
    if (nesting := depth(blocks)) > MAX_DEPTH:
        raise ValueError(f"lists and quotes nested {nesting} deep, the limit is {MAX_DEPTH}")
    title, labels, body = _take_title(document, blocks)
    headings = [block for block in body if isinstance(block, Heading)]
    shift = 2 - min((heading.level for heading in headings), default=2)
    anchors = Anchors()
    anchors.give(plain(title))
    if has_contents(headings):
        anchors.give(CONTENTS)
    placed = tuple(
        replace(block, level=block.level + shift, anchor=anchors.give(plain(block.children)))
        if isinstance(block, Heading)
        else block
        for block in body
    )
    return Page(document, file, title, labels, placed)


def _take_title(document: Document, blocks: Blocks) -> tuple[Inlines, tuple[str, ...], Blocks]:
    """The first heading is the page's title if it says the same as the document's, or the document has none."""
    first = blocks[0] if blocks else None
    wanted = document.title.strip()
    if isinstance(first, Heading) and (not wanted or words(plain(first.children)) == words(wanted)):
        return first.children, first.labels, blocks[1:]
    return (Text(wanted or document.doc_id),), (), blocks
