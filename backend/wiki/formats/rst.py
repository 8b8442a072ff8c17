"""reStructuredText, read by docutils; what is Sphinx's or a project's own (roles, directives) is read as well as its
form allows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from docutils import nodes

from backend.wiki.formats import rst_directives, rst_inline, text
from backend.wiki.formats.registry import Format, refuse_long_paragraphs, register
from backend.wiki.formats.rst_parser import DIRECTIVE, parse_document
from backend.wiki.model import (
    Block,
    Blocks,
    Break,
    BulletList,
    CodeBlock,
    Definition,
    DefinitionList,
    Heading,
    Inlines,
    OrderedList,
    Paragraph,
    Quote,
    Rule,
    SeeAlso,
    Strong,
    Table,
    Text,
    as_inlines,
)

MAX_PARAGRAPH = 20_000  # characters; docutils takes ten seconds for 60,000 of "*a *a *a"


def parse(source: str) -> Blocks:
    if not source.strip():  # as most directives' bodies are
        return ()
    refuse_long_paragraphs(source, MAX_PARAGRAPH)
    document = parse_document(source)
    return _Reader(rst_inline.InlineReader(document)).blocks(document.children)


class _Reader:
    """Reads one document tree; `_labels` wait for the heading that they name."""

    def __init__(self, inline: rst_inline.InlineReader) -> None:
        self._inline = inline
        self._level = 0
        self._labels: list[str] = []

    def blocks(self, children: Iterable[nodes.Node]) -> Blocks:
        return tuple(block for child in children for block in self._block(child))

    def _block(self, node: nodes.Node) -> Blocks:
        match node:
            case nodes.section():
                return self._section(node)
            case nodes.title() | nodes.subtitle():
                return (self._heading(node),)
            case nodes.target():
                self._labels += node["names"]
                return ()
            case nodes.paragraph() | nodes.rubric() | nodes.attribution():
                return self._paragraph(node)
            case nodes.literal_block() if node.get(DIRECTIVE):
                return rst_directives.read(node.astext(), parse)
            case nodes.literal_block() | nodes.doctest_block() | nodes.math_block():
                language = next((name for name in node["classes"] if name not in ("code", "math")), "")
                return (CodeBlock(node.astext(), language),)
            case nodes.system_message():
                return self._message(node)
            case nodes.topic() if "contents" in node["classes"]:
                return ()  # every page has a table of contents of its own
            case nodes.comment() | nodes.substitution_definition() | nodes.pending():
                return ()
            case nodes.Element():
                return self._element(node)
        return (Paragraph((Text(node.astext()),)),) if node.astext().strip() else ()

    def _element(self, node: nodes.Element) -> Blocks:
        """Lists, tables, quotes, admonitions; of any other element what is inside."""
        match node:
            case nodes.bullet_list():
                return (BulletList(self._items(node.children)),)
            case nodes.enumerated_list():
                return (OrderedList(self._items(node.children), int(node.get("start", 1))),)
            case nodes.definition_list() | nodes.field_list() | nodes.option_list():
                return (DefinitionList(tuple(self._definition(item) for item in _elements(node))),)
            case nodes.table():
                return self._table(node)
            case nodes.block_quote():
                return (Quote(self.blocks(node.children)),)
            case nodes.line_block():
                return (Paragraph(self._lines(node)),)
            case nodes.transition():
                return (Rule(),)
            case nodes.image():
                return (Paragraph(self._inline.read((node,))),)
            case nodes.footnote() | nodes.citation():
                return (DefinitionList((self._note(node),)),)
            case nodes.Admonition() | nodes.topic() | nodes.sidebar():
                return self._admonition(node)
        return self.blocks(node.children)

    def _section(self, node: nodes.section) -> Blocks:
        self._level += 1
        blocks = self.blocks(node.children)
        self._level -= 1
        return blocks

    def _heading(self, node: nodes.Element) -> Heading:
        labels, self._labels = tuple(self._labels), []
        return Heading(max(self._level, 1), self._inline.read(node.children), labels)

    def _paragraph(self, node: nodes.Element) -> Blocks:
        children = self._inline.read(node.children)
        if isinstance(node, nodes.rubric):
            children = (Strong(children),)
        return (Paragraph(children),) if children else ()

    def _message(self, node: nodes.system_message) -> Blocks:
        """docutils reports what it does not understand and shows its source: here are the directives that it lacks."""
        return tuple(
            block
            for child in node.children
            if isinstance(child, nodes.literal_block)
            for block in rst_directives.read(child.astext(), parse)
        )

    def _items(self, children: Sequence[nodes.Node]) -> tuple[Blocks, ...]:
        return tuple(self.blocks(child.children) for child in children if isinstance(child, nodes.Element))

    def _definition(self, item: nodes.Element) -> Definition:
        """A term and its definition, a field and its body, an option and its description."""
        terms = tuple(self._inline.read((child,)) for child in item.children[:-1])
        return Definition(terms, self.blocks(_elements(item)[-1].children))

    def _note(self, node: nodes.Element) -> Definition:
        label = node.children[0].astext() if node.children else ""
        return Definition(((Text(f"[{label}]"),),), self.blocks(node.children[1:]))

    def _lines(self, block: nodes.Element) -> Inlines:
        lines = [self._inline.read(line.children) for line in block.findall(nodes.line)]
        return tuple(inline for line in lines for inline in (*line, Break()))[:-1]

    def _table(self, node: nodes.table) -> Blocks:
        rows = tuple(
            tuple(as_inlines(self.blocks(entry.children)) for entry in _elements(row))
            for row in node.findall(nodes.row)
        )
        caption: list[Block] = [
            Paragraph((Strong(self._inline.read(title.children)),))
            for title in node.children
            if isinstance(title, nodes.title)
        ]
        return (*caption, Table(rows))

    def _admonition(self, node: nodes.Element) -> Blocks:
        own_title = node.children[0] if node.children and isinstance(node.children[0], nodes.title) else None
        body = self.blocks(node.children[1:] if own_title else node.children)
        title = self._inline.read(own_title.children) if own_title else (Text(node.tagname.capitalize()),)
        if not own_title and node.tagname == "seealso":
            return (SeeAlso(body),)
        return (Quote((Paragraph((Strong(title),)), *body)),)


def _elements(node: nodes.Element) -> list[nodes.Element]:
    return [child for child in node.children if isinstance(child, nodes.Element)]


register(Format("rst", (".rst",), parse, text.find_title))
