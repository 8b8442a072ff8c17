"""Document model -> Markdown (CommonMark with tables).

The only place where pages are written: what it escapes is safe for every format. No raw HTML leaves it, no image is
embedded, and links go to http, https, mailto or a page of the wiki.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import quote, urlsplit

from backend.wiki.model import (
    Block,
    Blocks,
    Break,
    BulletList,
    Code,
    CodeBlock,
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
    Rule,
    SeeAlso,
    Strong,
    Table,
    Text,
    plain,
)

SAFE_SCHEMES = ("http", "https", "mailto")
_ALWAYS = re.compile(r"[\\`*\[\]~]|(?<![^\W_])_+|_+(?![^\W_])|!$")
_ENTITY = re.compile(r"&(?=#|[A-Za-z])")
_LINE_START = re.compile(r"^(?:(?P<digits>\d+)(?=[.)](?:\s|$))|(?=[#>+=|:~-]))")


def write_blocks(blocks: Blocks) -> str:
    """Markdown for `blocks`, without a newline at the end."""
    written: list[str] = []
    previous: tuple[type, int] | None = None
    for block in blocks:
        # Two neighbouring lists with the same marker would be read as one list.
        turn = 1 - previous[1] if previous and previous[0] is _list_kind(block) else 0
        previous = (_list_kind(block), turn)
        if text := _block(block, turn):
            written.append(text)
    return "\n\n".join(written)


def _list_kind(block: Block) -> type:
    return BulletList if isinstance(block, DefinitionList) else type(block)


def _block(block: Block, turn: int) -> str:
    match block:
        case Heading():
            return f"{'#' * min(block.level, 6)} {write_line(block.children)}".rstrip()
        case Paragraph():
            return write_inlines(block.children)
        case CodeBlock():
            return _fenced(block)
        case BulletList():
            return _items("-*"[turn], block.items)
        case OrderedList():
            marks = (f"{number}{'.)'[turn]}" for number in range(block.start, block.start + len(block.items)))
            return "\n".join(_item(mark, write_blocks(item)) for mark, item in zip(marks, block.items, strict=True))
        case DefinitionList():
            return "\n".join(_item("-*"[turn], _definition(definition)) for definition in block.items)
        case Quote():
            return "\n".join(f"> {line}".rstrip() for line in write_blocks(block.body).split("\n"))
        case SeeAlso():
            body = write_blocks(block.body)
            return f"**See also:**\n\n{body}" if body else ""
        case Table():
            return _table(block)
        case Rule():
            return "---"


def _items(mark: str, items: Iterable[Blocks]) -> str:
    return "\n".join(_item(mark, write_blocks(item)) for item in items)


def _item(mark: str, text: str) -> str:
    indent = " " * (len(mark) + 1)
    lines = text.split("\n")
    return "\n".join([f"{mark} {lines[0]}".rstrip(), *(indent + line if line else "" for line in lines[1:])])


def _definition(definition: Definition) -> str:
    terms = "\\\n".join(write_line(term) for term in definition.terms)
    body = write_blocks(definition.body)
    return f"{terms}\n\n{body}" if body else terms


def _fenced(block: CodeBlock) -> str:
    text = block.text.strip("\n")
    fence = "`" * max(3, 1 + _longest_run(text))
    language = block.language if re.fullmatch(r"[\w+#.-]{1,30}", block.language) else ""
    return f"{fence}{language}\n{text}\n{fence}"


def _longest_run(text: str) -> int:
    return max((len(run) for run in re.findall("`+", text)), default=0)


def _table(table: Table) -> str:
    width = max((len(row) for row in table.rows), default=0)
    if not width:
        return ""
    rows = [[_cell(cell) for cell in row] + [""] * (width - len(row)) for row in table.rows]
    lines = [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join([lines[0], "|" + " --- |" * width, *lines[1:]])


def _cell(inlines: Inlines) -> str:
    return write_line(inlines).replace("|", "\\|")


def write_line(inlines: Inlines) -> str:
    """`inlines` on one line: for headings, table cells and link texts."""
    return write_inlines(tuple(Text(" ") if isinstance(inline, Break) else inline for inline in inlines))


def write_inlines(inlines: Inlines) -> str:
    lines = "".join(_inline(inline) for inline in _merged(inlines)).split("\n")
    return "\\\n".join(_escape_start(line.strip()) for line in lines if line.strip())


def _merged(inlines: Inlines) -> list[Inline]:
    """Neighbouring texts as one, so that no markup arises where they meet."""
    merged: list[Inline] = []
    for inline in inlines:
        if isinstance(inline, Text) and merged and isinstance(merged[-1], Text):
            merged[-1] = Text(merged[-1].text + inline.text)
        else:
            merged.append(inline)
    return merged


def _inline(inline: Inline) -> str:
    match inline:
        case Text():
            return escape(inline.text)
        case Code():
            return _code(inline.text)
        case Break():
            return "\n"
        case Emphasis():
            return _wrapped("*", inline.children)
        case Strong():
            return _wrapped("**", inline.children)
        case Link():
            return _link(inline)
        case CrossReference():
            return "".join(_inline(child) for child in _merged(inline.children))


def _wrapped(mark: str, children: Inlines) -> str:
    """Markdown wants the marks next to the text: spaces move outside."""
    text = "".join(_inline(child) for child in _merged(children))
    core = text.strip()
    if not core or mark[0] in (core[0], core[-1]):
        return text
    return text.replace(core, f"{mark}{core}{mark}", 1)


def _code(text: str) -> str:
    text = " ".join(text.split())
    if not text:
        return ""
    ticks = "`" * (1 + _longest_run(text) if "`" in text else 1)
    pad = " " if text[0] == "`" or text[-1] == "`" else ""
    return f"{ticks}{pad}{text}{pad}{ticks}"


def _link(link: Link) -> str:
    label = write_line(without_links(link.children)) or escape(link.url)
    url = safe_url(link.url)
    return f"[{label}]({url})" if url else label


def without_links(inlines: Inlines) -> Inlines:
    """Links cannot contain links: theirs become plain text."""
    kept: list[Inline] = []
    for inline in inlines:
        kept += [inline] if isinstance(inline, Text | Code | Break) else [Text(plain((inline,)))]
    return tuple(kept)


def safe_url(url: str) -> str | None:
    """`url` as it may stand between Markdown's parentheses, or None when a page may not carry it."""
    try:
        scheme = urlsplit(url).scheme.lower()
    except ValueError:
        return None
    if (scheme and scheme not in SAFE_SCHEMES) or re.search(r"[\x00-\x20\\]", url.strip()):
        return None
    return quote(url.strip(), safe="/:?#@!$&'*+,;=%~-._") or None


def escape(text: str) -> str:
    """`text` so that Markdown shows exactly it; line breaks and runs of blanks become one blank."""
    text = re.sub(r"\s+", " ", text)
    text = _ALWAYS.sub(lambda match: "".join("\\" + character for character in match[0]), text)
    return _ENTITY.sub("&amp;", text).replace("<", "&lt;")


def _escape_start(line: str) -> str:
    """A first character that would start a list, a heading, a quote, a table or an underline is escaped."""
    match = _LINE_START.match(line)
    if not match:
        return line
    return f"{match['digits']}\\{line[match.end() :]}" if match["digits"] else "\\" + line
