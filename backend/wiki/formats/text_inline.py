"""Emphasis, code, and URLs in plain text, as Sphinx's text output and most people who type plain text write them."""

from __future__ import annotations

import re
from collections.abc import Sequence

from backend.wiki.formats.urls import STANDARDS
from backend.wiki.model import Code, Emphasis, Inline, Inlines, Link, Strong, Text

_MARKUP = re.compile(
    r"""
      "(?P<quoted>[^"\n]{1,100})"
    | ``(?P<literal>[^`]+)``
    | `(?P<code>[^`\n]+)`
    | \*\*(?P<strong>[^\s*](?:[^*]*[^\s*])?)\*\*
    | (?<![\w*])\*(?P<emphasis>[^\s*](?:[^*]*[^\s*])?)\*(?![\w*])
    | (?P<url>https?://[^\s<>"'`]+)
    """,
    re.VERBOSE,
)
_SYMBOLS = re.compile(r"[()\[\]{}=_<>:+\-/\\@|*%&^~$#]|\w\.\w")
_STANDARD = re.compile(r"(?P<kind>PEP|RFC) (?P<number>\d{1,5})$")
_LONGEST_QUOTE = 120
_HYPHENATED = re.compile(r"\w-$")


def join_lines(lines: Sequence[str]) -> str:
    """Wrapped lines as one; a word that was wrapped at its hyphen ("built-" "in") is put together again."""
    parts: list[str] = []
    last = ""
    for line in (line.strip() for line in lines):
        if parts and not (_HYPHENATED.search(last[-2:]) and line[:1].islower()):
            parts.append(" ")
        parts.append(line)
        last = line
    return "".join(parts)


def parse_inlines(text: str) -> Inlines:
    inlines: list[Inline] = []
    position = 0
    while match := _MARKUP.search(text, position):
        inlines.append(Text(text[position : match.start()]))
        if match["quoted"]:
            position = _closing_quote(text, match.start())
            quoted = text[match.start() + 1 : position - 1]
            inlines.append(Code(quoted) if _is_code(quoted) else Text(f'"{quoted}"'))
        else:
            inlines += _markup(match)
            position = match.end()
    return tuple(inline for inline in [*inlines, Text(text[position:])] if inline != Text(""))


def _closing_quote(text: str, start: int) -> int:
    """The position after the quote that closes the one at `start`: code may hold quotes, as in "{"one": 1}"."""
    first = end = text.index('"', start + 1) + 1
    if not text[first : first + 1].isalnum():
        return first
    while not _balanced(text[start:end]):
        end = text.find('"', end) + 1
        if not end or end - start > _LONGEST_QUOTE:
            return first
    return end


def _balanced(code: str) -> bool:
    return all(code.count(opening) == code.count(closing) for opening, closing in ("()", "[]", "{}"))


def _markup(match: re.Match[str]) -> list[Inline]:
    content = match[match.lastgroup or 0]
    match match.lastgroup:
        case "strong":
            return [_standard(content) or Strong((Text(content),))]
        case "emphasis":
            return [Emphasis((Text(content),))]
        case "url":
            url = content.rstrip(".,;:!?)]")
            return [Link((Text(url),), url), Text(content[len(url) :])]
    return [Code(content)]


def _standard(name: str) -> Inline | None:
    """**PEP 3132** is how Sphinx writes a reference to a PEP."""
    match = _STANDARD.match(name)
    if not match:
        return None
    return Link((Text(name),), STANDARDS[match["kind"].lower()][1].format(match["number"]))


def _is_code(quoted: str) -> bool:
    """Straight quotes hold code in Sphinx's text output, and quotations elsewhere: single words, symbols, short lower
    case phrases ("not in", "async with") are taken for code."""
    if quoted != quoted.strip():
        return False
    return " " not in quoted or bool(_SYMBOLS.search(quoted)) or (quoted.islower() and quoted.count(" ") < 4)
