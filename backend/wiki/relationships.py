"""How pages refer to each other, taken from the text itself, and the links that say so in the page.

Three kinds: SEE_ALSO (what the author put under "see also"), LINKS_TO (a link, a role, or a reference in words such as
"see section Calls"), and MENTIONS (another page's title in prose; none where a stronger kind says it already).
"""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass, replace
from typing import Literal

from backend.wiki.catalogue import Catalogue
from backend.wiki.model import (
    Block,
    Blocks,
    BulletList,
    CrossReference,
    Definition,
    DefinitionList,
    Emphasis,
    Heading,
    Inline,
    Inlines,
    Link,
    OrderedList,
    Paragraph,
    Quote,
    SeeAlso,
    Strong,
    Table,
    Text,
    plain,
)
from backend.wiki.names import Place
from backend.wiki.pages import Page
from backend.wiki.prose import Found, find_names, quote_around, splice, visible

Kind = Literal["LINKS_TO", "MENTIONS", "SEE_ALSO"]

_SEE_ALSO_HEADING = re.compile(r"(?:see also|related\b.*|further reading)\W*$", re.IGNORECASE)
_SEE_ALSO_BEFORE = re.compile(r"\bsee also\b[^.;]*$", re.IGNORECASE)


@dataclass(frozen=True, slots=True, order=True)
class Relationship:
    source: str  # a file of the wiki: "topics/assignment.md"
    target: str  # another file of the wiki
    kind: Kind
    evidence: str  # the words that say so, at most 200 characters


def link_page(page: Page, catalogue: Catalogue) -> tuple[Page, tuple[Relationship, ...]]:
    """`page` with its references turned into links, and its relationships to other pages, in a fixed order."""
    linker = _Linker(page, catalogue)
    body = linker.body()
    return replace(page, body=body, title=linker.inlines(page.title, see_also=False)), linker.relationships()


class _Linker:
    """Links one page, and keeps the first evidence for each relationship."""

    def __init__(self, page: Page, catalogue: Catalogue) -> None:
        self._page = page
        self._catalogue = catalogue
        self._evidence: dict[tuple[str, Kind], str] = {}
        self._mentioned: set[str] = set()

    def relationships(self) -> tuple[Relationship, ...]:
        stronger = {target for target, kind in self._evidence if kind != "MENTIONS"}
        return tuple(
            Relationship(self._page.file, target, kind, evidence)
            for (target, kind), evidence in sorted(self._evidence.items())
            if kind != "MENTIONS" or target not in stronger
        )

    def body(self) -> Blocks:
        """Blocks below a heading "See also" are see-also, up to the next heading of its level."""
        linked: list[Block] = []
        see_also_level = 0
        for block in self._page.body:
            if isinstance(block, Heading) and (not see_also_level or block.level <= see_also_level):
                see_also_level = block.level if _SEE_ALSO_HEADING.match(plain(block.children)) else 0
            linked.append(self._block(block, see_also_level > 0))
        return tuple(linked)

    def _blocks(self, blocks: Blocks, see_also: bool) -> Blocks:
        return tuple(self._block(block, see_also) for block in blocks)

    def _block(self, block: Block, see_also: bool) -> Block:
        match block:
            case Heading():
                return replace(block, children=self.inlines(block.children, see_also))
            case Paragraph():
                return Paragraph(self._prose(block.children, see_also))
            case BulletList() | OrderedList():
                return replace(block, items=tuple(self._blocks(item, see_also) for item in block.items))
            case DefinitionList():
                return DefinitionList(tuple(self._definition(item, see_also) for item in block.items))
            case Quote():
                return Quote(self._blocks(block.body, see_also))
            case SeeAlso():
                return SeeAlso(self._blocks(block.body, see_also=True))
            case Table():
                return Table(tuple(tuple(self._prose(cell, see_also) for cell in row) for row in block.rows))
        return block

    def _definition(self, item: Definition, see_also: bool) -> Definition:
        terms = tuple(self.inlines(term, see_also) for term in item.terms)
        return Definition(terms, self._blocks(item.body, see_also))

    def _prose(self, inlines: Inlines, see_also: bool) -> Inlines:
        """First the links that the author made, then the names of other pages in the words between."""
        linked = self.inlines(inlines, see_also)
        text = visible(linked)
        spans = [
            (found, link)
            for found in find_names(linked, self._catalogue.names, self._page, see_also)
            if (link := self._named(found, text, see_also))
        ]
        return splice(linked, spans)

    def _named(self, found: Found, text: str, see_also: bool) -> Link | None:
        target = found.place.page.file
        if target == self._page.file:
            return Link((), f"#{found.place.anchor}") if found.cue and found.place.anchor else None
        if found.cue:
            kind: Kind = "SEE_ALSO" if see_also or found.cue == "see also" else "LINKS_TO"
        elif target in self._mentioned:
            return None
        else:
            kind = "MENTIONS"
            self._mentioned.add(target)
        self._note(target, kind, quote_around(text, found.start, found.end))
        return self._link_to(found.place, ())

    def inlines(self, inlines: Inlines, see_also: bool) -> Inlines:
        """Cross-references become links, or their own text where they lead nowhere in this wiki."""
        text = plain(inlines)
        return tuple(out for inline in inlines for out in self._inline(inline, text, see_also))

    def _inline(self, inline: Inline, text: str, see_also: bool) -> Inlines:
        match inline:
            case Emphasis():
                return (Emphasis(self.inlines(inline.children, see_also)),)
            case Strong():
                return (Strong(self.inlines(inline.children, see_also)),)
            case CrossReference():
                return self._reference(inline, text, see_also)
        return (inline,)

    def _reference(self, reference: CrossReference, text: str, see_also: bool) -> Inlines:
        place = self._catalogue.resolve(reference, self._page)
        if place is None:
            return reference.children
        target = place.page.file
        if target == self._page.file:
            return (Link(reference.children, f"#{place.anchor}"),) if place.anchor else reference.children
        start = max(text.find(plain(reference.children)), 0)
        before = _SEE_ALSO_BEFORE.search(text[:start])
        evidence = quote_around(text, start, start + len(plain(reference.children)))
        self._note(target, "SEE_ALSO" if see_also or before else "LINKS_TO", evidence)
        shows_target = reference.scheme != "name" and plain(reference.children) == reference.target
        return (self._link_to(place, _title_of(place) if shows_target else reference.children),)

    def _link_to(self, place: Place, children: Inlines) -> Link:
        path = posixpath.relpath(place.page.file, posixpath.dirname(self._page.file))
        return Link(children, f"{path}#{place.anchor}" if place.anchor else path)

    def _note(self, target: str, kind: Kind, evidence: str) -> None:
        self._evidence.setdefault((target, kind), evidence)


def _title_of(place: Place) -> Inlines:
    heading = next((heading for heading in place.page.headings if heading.anchor == place.anchor), None)
    return heading.children if heading and place.anchor else (Text(place.page.name),)
