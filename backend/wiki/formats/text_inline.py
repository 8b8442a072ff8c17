"""Emphasis, code, and URLs in plain text, as Sphinx's text output and most people who type plain text write them."""

from __future__ import annotations

import re
from collections.abc import Sequence

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
_HYPHENATED = re.compile(r"\w-$")


def join_lines(lines: Sequence[str]) -> str:
    """Wrapped lines as one; a word that was wrapped at its hyphen ("built-" "in") is put together again."""
    text = ""
    for line in (line.strip() for line in lines):
        glue = "" if not text or (_HYPHENATED.search(text) and line[:1].islower()) else " "
        text += glue + line
    return text


def parse_inlines(text: str) -> Inlines:
    inlines: list[Inline] = []
    position = 0
    for match in _MARKUP.finditer(text):
        inlines.append(Text(text[position : match.start()]))
        position = match.end()
        inlines += _markup(match)
    return tuple(inline for inline in [*inlines, Text(text[position:])] if inline != Text(""))


def _markup(match: re.Match[str]) -> list[Inline]:
    content = match[match.lastgroup or 0]
    match match.lastgroup:
        case "quoted":
            return [Code(content) if _is_code(content) else Text(match[0])]
        case "strong":
            return [Strong((Text(content),))]
        case "emphasis":
            return [Emphasis((Text(content),))]
        case "url":
            url = content.rstrip(".,;:!?)]")
            return [Link((Text(url),), url), Text(content[len(url) :])]
    return [Code(content)]


def _is_code(quoted: str) -> bool:
    """Straight quotes hold code in Sphinx's text output, and quotations elsewhere: single words, symbols, short lower
    case phrases ("not in", "async with") are taken for code."""
    if quoted != quoted.strip():
        return False
    return " " not in quoted or bool(_SYMBOLS.search(quoted)) or (quoted.islower() and quoted.count(" ") < 3)
