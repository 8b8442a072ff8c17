"""The one document model: what every format is read into, and what the one Markdown writer writes.

Documents never reach a wiki as their own markup. They become these records, and `writer` escapes every text in them:
so no document can carry markup, raw HTML or a script into a page.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias


@dataclass(frozen=True, slots=True)
class Text:
    text: str


@dataclass(frozen=True, slots=True)
class Code:
    text: str


@dataclass(frozen=True, slots=True)
class Break:
    """A line break that the author asked for."""


@dataclass(frozen=True, slots=True)
class Emphasis:
    children: Inlines


@dataclass(frozen=True, slots=True)
class Strong:
    children: Inlines


@dataclass(frozen=True, slots=True)
class Link:
    """A link that is known to lead somewhere: a URL of the outside world, or a page of this wiki."""

    children: Inlines
    url: str


@dataclass(frozen=True, slots=True)
class CrossReference:
    """A link as its author wrote it: it becomes a `Link`, or its own text where it leads nowhere in this wiki."""

    children: Inlines
    target: str
    scheme: Literal["path", "label", "name"]
    folder: str = ""  # reST role: `:command:`x`` may mean the document command/x


Inline: TypeAlias = Text | Code | Break | Emphasis | Strong | Link | CrossReference
Inlines: TypeAlias = tuple[Inline, ...]


@dataclass(frozen=True, slots=True)
class Heading:
    level: int  # 1 is the highest
    children: Inlines
    labels: tuple[str, ...] = ()  # names under which a document refers to this place
    anchor: str = ""  # given when the page is composed


@dataclass(frozen=True, slots=True)
class Paragraph:
    children: Inlines


@dataclass(frozen=True, slots=True)
class CodeBlock:
    text: str
    language: str = ""


@dataclass(frozen=True, slots=True)
class BulletList:
    items: tuple[Blocks, ...]


@dataclass(frozen=True, slots=True)
class OrderedList:
    items: tuple[Blocks, ...]
    start: int = 1


@dataclass(frozen=True, slots=True)
class Definition:
    """One or more terms (a signature, a word) and what is said about them."""

    terms: tuple[Inlines, ...]
    body: Blocks


@dataclass(frozen=True, slots=True)
class DefinitionList:
    items: tuple[Definition, ...]


@dataclass(frozen=True, slots=True)
class Quote:
    body: Blocks


@dataclass(frozen=True, slots=True)
class SeeAlso:
    """What the author put under "See also": every reference inside is a SEE_ALSO."""

    body: Blocks


@dataclass(frozen=True, slots=True)
class Table:
    """A table; the first row is the head. Cells hold inlines only, as Markdown's tables do."""

    rows: tuple[tuple[Inlines, ...], ...]


@dataclass(frozen=True, slots=True)
class Rule:
    """A horizontal line."""


Block: TypeAlias = (
    Heading | Paragraph | CodeBlock | BulletList | OrderedList | DefinitionList | Quote | SeeAlso | Table | Rule
)
Blocks: TypeAlias = tuple[Block, ...]


def plain(inlines: Inlines) -> str:
    """The text that a reader sees, without any markup."""
    return "".join(_plain(inline) for inline in inlines)


def _plain(inline: Inline) -> str:
    if isinstance(inline, Text | Code):
        return inline.text
    if isinstance(inline, Break):
        return " "
    return plain(inline.children)


def inlines_of(blocks: Blocks) -> Iterator[Inlines]:
    """Every run of text in `blocks`, in reading order; code blocks have none."""
    for block in blocks:
        match block:
            case Heading() | Paragraph():
                yield block.children
            case BulletList() | OrderedList():
                for item in block.items:
                    yield from inlines_of(item)
            case DefinitionList():
                for definition in block.items:
                    yield from definition.terms
                    yield from inlines_of(definition.body)
            case Quote() | SeeAlso():
                yield from inlines_of(block.body)
            case Table():
                for row in block.rows:
                    yield from row
            case CodeBlock() | Rule():
                pass


def as_inlines(blocks: Blocks) -> Inlines:
    """`blocks` squeezed into one run of text, for places that hold no blocks, such as the cell of a table."""
    runs = [run for run in inlines_of(blocks) if run]
    runs += [(Code(" ".join(block.text.split())),) for block in blocks if isinstance(block, CodeBlock)]
    joined: list[Inline] = []
    for run in runs:
        joined += [Text(" "), *run] if joined else run
    return tuple(joined)


def depth(blocks: Blocks) -> int:
    """How many lists, quotes and the like are inside each other at the deepest place; 0 for none."""
    deepest = 0
    for block in blocks:
        match block:
            case BulletList() | OrderedList():
                inside = max((depth(item) for item in block.items), default=0)
            case DefinitionList():
                inside = max((depth(definition.body) for definition in block.items), default=0)
            case Quote() | SeeAlso():
                inside = depth(block.body)
            case _:
                continue
        deepest = max(deepest, 1 + inside)
    return deepest
