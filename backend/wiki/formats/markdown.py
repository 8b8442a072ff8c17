"""Markdown (CommonMark, tables, strikethrough), read by markdown-it-py. Raw HTML is dropped, its words stay."""

from __future__ import annotations

import re
from collections.abc import Sequence

from markdown_it import MarkdownIt
from markdown_it.tree import SyntaxTreeNode

from backend.wiki.formats.html import visible_text
from backend.wiki.formats.registry import Format, refuse_long_paragraphs, register
from backend.wiki.formats.urls import link_to
from backend.wiki.model import (
    Block,
    Blocks,
    Break,
    BulletList,
    Code,
    CodeBlock,
    Emphasis,
    Heading,
    Inline,
    Inlines,
    OrderedList,
    Paragraph,
    Quote,
    Rule,
    Strong,
    Table,
    Text,
)

MAX_PARAGRAPH = 60_000  # characters; markdown-it takes twenty seconds for 240,000 of "<!--<!--"
_PARSER = MarkdownIt("commonmark").enable(["table", "strikethrough"])
_FRONT_MATTER = re.compile(r"\A---[ \t]*\n(?P<fields>.*?)^(?:---|\.\.\.)[ \t]*(?:\n|\Z)", re.DOTALL | re.MULTILINE)
_TITLE_FIELD = re.compile(r"""^title:[ \t]*(?P<quote>["']?)(?P<title>.+?)(?P=quote)[ \t]*$""", re.MULTILINE)
_ATX_HEADING = re.compile(r"^ {0,3}#[ \t]+(?P<title>.+?)[ \t]*#*[ \t]*$", re.MULTILINE)
_SETEXT_HEADING = re.compile(r"^ {0,3}(?P<title>\S.*)\n {0,3}=+[ \t]*$", re.MULTILINE)
_LANGUAGE = re.compile(r"[\w+#.-]+")


def parse(text: str) -> Blocks:
    body = _FRONT_MATTER.sub("", text.replace("\r\n", "\n"))
    refuse_long_paragraphs(body, MAX_PARAGRAPH)
    return _blocks(SyntaxTreeNode(_PARSER.parse(body)).children)


def find_title(text: str) -> str | None:
    """The title of the front matter, or else the first heading of level 1."""
    text = text.replace("\r\n", "\n")
    front_matter = _FRONT_MATTER.match(text)
    if front_matter and (match := _TITLE_FIELD.search(front_matter["fields"])):
        return match["title"]
    body = text[front_matter.end() :] if front_matter else text
    found = [match for match in (_ATX_HEADING.search(body), _SETEXT_HEADING.search(body)) if match]
    if not found:
        return None
    return _plain_title(min(found, key=lambda match: match.start())["title"])


def _plain_title(source: str) -> str:
    from backend.wiki.model import plain

    return " ".join(plain(_inlines(SyntaxTreeNode(_PARSER.parseInline(source)).children)).split())


def _blocks(nodes: Sequence[SyntaxTreeNode]) -> Blocks:
    return tuple(block for node in nodes for block in _block(node))


def _block(node: SyntaxTreeNode) -> Blocks:
    match node.type:
        case "heading":
            return (Heading(int(node.tag[1]), _inlines(node.children)),)
        case "paragraph":
            children = _inlines(node.children)
            return (Paragraph(children),) if children else ()
        case "fence" | "code_block":
            language = _LANGUAGE.match(node.info)
            return (CodeBlock(node.content, language[0] if language else ""),)
        case "bullet_list":
            return (BulletList(tuple(_blocks(item.children) for item in node.children)),)
        case "ordered_list":
            items = tuple(_blocks(item.children) for item in node.children)
            return (OrderedList(items, int(node.attrs.get("start", 1))),)
        case "blockquote":
            return (Quote(_blocks(node.children)),)
        case "table":
            return (_table(node),)
        case "hr":
            return (Rule(),)
        case "html_block":
            return _html(node.content)
    return _blocks(node.children)


def _html(content: str) -> Blocks:
    words = " ".join(visible_text(content).split())
    return (Paragraph((Text(words),)),) if words else ()


def _table(node: SyntaxTreeNode) -> Block:
    rows = [row for part in node.children for row in part.children]
    return Table(tuple(tuple(_inlines(cell.children) for cell in row.children) for row in rows))


def _inlines(nodes: Sequence[SyntaxTreeNode]) -> Inlines:
    return tuple(inline for node in nodes for inline in _inline(node))


def _inline(node: SyntaxTreeNode) -> Inlines:
    match node.type:
        case "text":
            return (Text(node.content),) if node.content else ()
        case "softbreak":
            return (Text(" "),)
        case "hardbreak":
            return (Break(),)
        case "code_inline":
            return (Code(node.content),)
        case "em":
            return (Emphasis(_inlines(node.children)),)
        case "strong":
            return (Strong(_inlines(node.children)),)
        case "link":
            return (link_to(str(node.attrs.get("href", "")), _inlines(node.children)),)
        case "image":
            return _image(node)
        case "html_inline":
            return (Break(),) if re.match(r"<br\b", node.content, re.IGNORECASE) else ()
    return _inlines(node.children)


def _image(node: SyntaxTreeNode) -> tuple[Inline, ...]:
    """A link instead of the image: a page of the wiki loads nothing from elsewhere."""
    return (link_to(str(node.attrs.get("src", "")), (Text(node.content or "image"),)),)


register(Format("markdown", (".md", ".markdown"), parse, find_title))
