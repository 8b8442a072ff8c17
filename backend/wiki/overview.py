"""The pages about the wiki as a whole: the index, the headings from A to Z, and who refers to whom."""

from __future__ import annotations

import posixpath
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

from backend.wiki.layout import link_path, link_to, separated
from backend.wiki.model import Block, BulletList, Code, Heading, Inline, Link, Paragraph, Table, Text, plain
from backend.wiki.naming import words
from backend.wiki.pages import Page
from backend.wiki.records import SkippedDocument
from backend.wiki.relationships import Relationship
from backend.wiki.writer import without_links, write_blocks

INDEX, HEADINGS, GRAPH = "index.md", "headings.md", "relationships.md"
MAX_PLACES = 5  # a heading that more pages have ("Synopsis") helps nobody to find anything
TOP = 20


def index_page(
    project_id: str, pages: Sequence[Page], relationships: Sequence[Relationship], skipped: Sequence[SkippedDocument]
) -> str:
    counts = f"{_count(len(pages), 'page')}, {_count(len(relationships), 'relationship')} between them."
    ways = (
        Link((Text("Headings from A to Z"),), HEADINGS),
        Link((Text("How the pages are related"),), GRAPH),
    )
    blocks: list[Block] = [
        Heading(1, (Text(f"{project_id}: wiki"),)),
        Paragraph((Text(counts),)),
        Paragraph(separated(ways)),
        *_grouped(pages),
    ]
    if skipped:
        reasons = ((Code(each.doc_id or "(no id)"), Text(f": {each.reason}")) for each in skipped)
        blocks += [
            Heading(2, (Text("Not in this wiki"),)),
            BulletList(tuple((Paragraph(reason),) for reason in reasons)),
        ]
    return write_blocks(tuple(blocks)) + "\n"


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _grouped(pages: Sequence[Page]) -> list[Block]:
    """By folder where documents have folders, else by first letter; by title inside a group."""
    by_folder = any("/" in page.document.doc_id for page in pages)
    groups: dict[str, list[Page]] = defaultdict(list)
    for page in pages:
        groups[posixpath.dirname(page.document.doc_id) if by_folder else _letter(page.name)].append(page)
    blocks: list[Block] = []
    for name in sorted(groups):
        members = sorted(groups[name], key=_title_order)
        blocks.append(Heading(2, (Text(name or "Top"),)))
        blocks.append(BulletList(tuple((Paragraph((link_to(page, INDEX),)),) for page in members)))
    return blocks


def _title_order(page: Page) -> tuple[tuple[str, ...], str]:
    return words(page.name), page.file


def _letter(name: str) -> str:
    first = "".join(words(name)[:1]).strip("_")[:1].upper()
    return first if first.isalpha() else "0–9"


def headings_page(pages: Sequence[Page]) -> str:
    """Every heading and title, but those that so many pages share that they lead nowhere."""
    places: dict[tuple[str, ...], dict[str, Link]] = defaultdict(dict)
    names: dict[tuple[str, ...], str] = {}
    for page in pages:
        path = link_path(page.file, HEADINGS)
        for children, url in [(page.title, path), *((h.children, f"{path}#{h.anchor}") for h in page.headings)]:
            name = " ".join(plain(children).split())
            if words(name):
                names.setdefault(words(name), name)
                places[words(name)].setdefault(page.file, Link(without_links(page.title), url))
    return write_blocks((Heading(1, (Text("Headings from A to Z"),)), *_back(), *_by_letter(places, names))) + "\n"


def _by_letter(
    places: Mapping[tuple[str, ...], Mapping[str, Link]], names: Mapping[tuple[str, ...], str]
) -> list[Block]:
    groups: dict[str, list[tuple[Block, ...]]] = defaultdict(list)
    for key in sorted(places):
        links = list(places[key].values())
        if len(links) <= MAX_PLACES:
            entry = (Text(f"{names[key]} — "), *separated(links))
            groups[_letter(names[key])].append((Paragraph(entry),))
    return [
        block for letter in sorted(groups) for block in (Heading(2, (Text(letter),)), BulletList(tuple(groups[letter])))
    ]


def _back() -> tuple[Block, ...]:
    return (Paragraph((Link((Text("Index"),), INDEX),)),)


def graph_page(pages: Mapping[str, Page], relationships: Sequence[Relationship]) -> str:
    kinds = Counter(relationship.kind for relationship in relationships)
    incoming = Counter(relationship.target for relationship in relationships)
    outgoing = Counter(relationship.source for relationship in relationships)
    lonely = [page for file, page in pages.items() if file not in incoming and file not in outgoing]

    def ranking(counts: Counter[str], title: str) -> list[Block]:
        ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:TOP]
        return _table(title, [((link_to(pages[file], GRAPH),), number) for file, number in ranked])

    blocks: list[Block] = [
        Heading(1, (Text("How the pages are related"),)),
        *_back(),
        *_table("By kind", [((Code(kind),), kinds[kind]) for kind in sorted(kinds)]),
        *ranking(incoming, "Most referred to"),
        *ranking(outgoing, "Refer to most"),
    ]
    if lonely:
        links = tuple((Paragraph((link_to(page, GRAPH),)),) for page in sorted(lonely, key=_title_order))
        blocks += [Heading(2, (Text("On their own"),)), BulletList(links)]
    return write_blocks(tuple(blocks)) + "\n"


def _table(title: str, rows: Sequence[tuple[tuple[Inline, ...], int]]) -> list[Block]:
    if not rows:
        return []
    head = ((Text(title),), (Text("Count"),))
    return [Heading(2, (Text(title),)), Table((head, *((cell, (Text(f"{number:,}"),)) for cell, number in rows)))]
