"""The Markdown of one page: title, origin, contents, body, related pages, and the pages that link here."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping, Sequence

from backend.wiki.model import BulletList, Code, Heading, Inline, Inlines, Link, Paragraph, Text
from backend.wiki.naming import words
from backend.wiki.pages import CONTENTS, Page, has_contents
from backend.wiki.relationships import Kind, Relationship
from backend.wiki.writer import without_links, write_blocks

MAX_CONTENTS = 60
MAX_QUOTED = 20  # backlinks beyond these are listed without their quotes
_WORDING: Mapping[Kind, str] = {"SEE_ALSO": "See also", "LINKS_TO": "Links to", "MENTIONS": "Mentions"}


def page_text(
    page: Page, pages: Mapping[str, Page], outgoing: Sequence[Relationship], incoming: Sequence[Relationship]
) -> str:
    """The whole page. `pages` are all pages by file; `outgoing` and `incoming` the page's own relationships."""
    origin = (Link((Text("Index"),), link_path("index.md", page.file)), Text(" · from "), Code(page.document.source))
    sections = [
        write_blocks((Heading(1, page.title), Paragraph(origin))),
        _contents(page),
        write_blocks(page.body),
        _related(page, pages, outgoing),
        _backlinks(page, pages, incoming),
    ]
    return "\n\n".join(section for section in sections if section) + "\n"


def link_path(file: str, from_file: str) -> str:
    return posixpath.relpath(file, posixpath.dirname(from_file))


def link_to(page: Page, from_file: str) -> Link:
    return Link(page.title, link_path(page.file, from_file))


def separated(links: Sequence[Inline], separator: str = " · ") -> Inlines:
    return tuple(part for link in links for part in (Text(separator), link))[1:]


def _contents(page: Page) -> str:
    if not has_contents(page.headings):
        return ""
    lines = [f"## {CONTENTS}", ""]
    for heading in _listed(page.headings):
        link = Link(without_links(heading.children), f"#{heading.anchor}")
        lines.append("  " * (heading.level - 2) + "- " + write_blocks((Paragraph((link,)),)))
    return "\n".join(lines)


def _listed(headings: Sequence[Heading]) -> list[Heading]:
    """As many levels as keep the table of contents readable, at least the highest."""
    for level in (6, 5, 4, 3):
        listed = [heading for heading in headings if heading.level <= level]
        if len(listed) <= MAX_CONTENTS:
            return listed
    return [heading for heading in headings if heading.level == 2]


def _related(page: Page, pages: Mapping[str, Page], outgoing: Sequence[Relationship]) -> str:
    """A line for each kind; a page that is in one line is not repeated in the next."""
    items = []
    listed: set[str] = set()
    for kind, wording in _WORDING.items():
        targets = [r.target for r in outgoing if r.kind == kind and r.target not in listed]
        listed.update(targets)
        links = [link_to(pages[target], page.file) for target in targets]
        if links:
            items.append((Paragraph((Text(f"{wording}: "), *separated(links))),))
    return write_blocks((Heading(2, (Text("Related pages"),)), BulletList(tuple(items)))) if items else ""


def _backlinks(page: Page, pages: Mapping[str, Page], incoming: Sequence[Relationship]) -> str:
    """One line for each page that refers to this one, with the first quote that shows where."""
    quotes: dict[str, str] = {}
    for relationship in sorted(incoming, key=lambda r: (list(_WORDING).index(r.kind), r.source)):
        quotes.setdefault(relationship.source, relationship.evidence)
    if not quotes:
        return ""
    sources = list(quotes)
    items = [
        (Paragraph((link_to(pages[source], page.file), *_quoted(quotes[source], page))),)
        for source in sources[:MAX_QUOTED]
    ]
    if rest := [link_to(pages[source], page.file) for source in sources[MAX_QUOTED:]]:
        items.append((Paragraph((Text("and: "), *separated(rest))),))
    return write_blocks((Heading(2, (Text("Linked from"),)), BulletList(tuple(items))))


def _quoted(evidence: str, page: Page) -> Inlines:
    """The evidence, unless it says no more than the page's name or path, as in a list of links."""
    says_more = " " in evidence and not set(words(evidence)) <= set(words(page.name))
    return (Text(f" — “{evidence}”"),) if says_more else ()
