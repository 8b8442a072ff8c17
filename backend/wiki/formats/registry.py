"""The formats that documents may have. A format is one module here, which registers itself under its public name."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from backend.wiki.model import Blocks


@dataclass(frozen=True, slots=True)
class Format:
    name: str
    suffixes: tuple[str, ...]  # lower case, with the dot
    parse: Callable[[str], Blocks]  # text -> blocks; what it cannot understand it keeps as text or code
    title: Callable[[str], str | None]  # a cheap look for the title, for lists of documents


class Unreadable(ValueError):
    """A document that this format will not read; the message does not repeat its text."""


_BLANK_LINE = re.compile(r"\n[ \t]*\n")


def refuse_long_paragraphs(text: str, limit: int) -> None:
    """Raises Unreadable. Parsers need quadratic time for some paragraphs, such as one with a thousand open comments."""
    longest = max(len(paragraph) for paragraph in _BLANK_LINE.split(text))
    if longest > limit:
        raise Unreadable(f"{longest} characters without a blank line, the limit is {limit}")


_formats: dict[str, Format] = {}


def register(format_: Format) -> None:
    _formats[format_.name] = format_


def names() -> tuple[str, ...]:
    return tuple(sorted(_formats))


def by_name(name: str) -> Format:
    """Raises KeyError."""
    return _formats[name]


def by_suffix(suffix: str) -> Format | None:
    """The format of files that end in `suffix` (".md"), or None when such files are no documents."""
    return next((format_ for format_ in _formats.values() if suffix in format_.suffixes), None)


def suffixes() -> tuple[str, ...]:
    return tuple(suffix for name in names() for suffix in _formats[name].suffixes)
