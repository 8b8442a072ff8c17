"""Reads generated wikis as a browser would, for the tests: links, anchors, raw HTML, visible text."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping
from itertools import pairwise
from urllib.parse import unquote

from markdown_it import MarkdownIt
from markdown_it.token import Token

from backend.wiki.naming import Anchors

RENDERER = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])


def tokens(markdown: str) -> Iterator[Token]:
    """Every token of a page, block and inline, as a renderer that lets raw HTML through sees them."""
    for token in RENDERER.parse(markdown):
        yield token
        yield from token.children or ()


def raw_html(markdown: str) -> list[str]:
    return [token.content for token in tokens(markdown) if token.type in ("html_block", "html_inline")]


def links(markdown: str) -> list[str]:
    return [str(token.attrs["href"]) for token in tokens(markdown) if token.type == "link_open"]


def visible(markdown: str) -> str:
    """The text of all inlines, with single blanks."""
    parts = [
        token.content if token.type in ("text", "code_inline") else " "
        for block in RENDERER.parse(markdown)
        for token in block.children or ()
        if token.type in ("text", "code_inline", "softbreak", "hardbreak")
    ]
    return " ".join("".join(parts).split())


def anchors(markdown: str) -> set[str]:
    blocks = RENDERER.parse(markdown)
    given = Anchors()
    found = set()
    for block, inline in pairwise(blocks):
        if block.type == "heading_open" and block.level == 0:
            found.add(
                given.give("".join(t.content for t in inline.children or () if t.type in ("text", "code_inline")))
            )
    return found


def dead_links(files: Mapping[str, str]) -> list[tuple[str, str]]:
    """(page, link) for every link into the wiki whose page or anchor does not exist."""
    places = {name: anchors(content) for name, content in files.items()}
    dead = []
    for name, content in files.items():
        for link in links(content):
            if not link.startswith(("http://", "https://", "mailto:")):
                path, _, fragment = unquote(link).partition("#")
                target = posixpath.normpath(posixpath.join(posixpath.dirname(name), path)) if path else name
                if target not in files or (fragment and fragment not in places[target]):
                    dead.append((name, link))
    return dead
