"""Names of pages in running text: finding them, quoting around them, making links of them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Literal

from backend.wiki.model import Code, Inline, Inlines, Link, Text
from backend.wiki.names import Names, Place
from backend.wiki.pages import Page

MAX_EVIDENCE = 200
_OPAQUE = "\ufffc"  # stands for an inline that no name may reach into
_WORD = re.compile(r"\w+")
_GAP = re.compile(r"(?!.*[.!?;:]\s)[^\w\ufffc]{1,5}$", re.DOTALL)
_CUE_BEFORE = re.compile(
    r"\b(?P<also>see also|related(?: topics)?:)(?: the)?(?: sections?)? ?[\"“‘(*:]*\s*$"
    r"|\b(?:see|refer to|sections?|chapter|described in|discussed in|explained in|documented in|defined in|found in)"
    r"(?: the)?(?: sections?)? ?[\"“‘(*]*$",
    re.IGNORECASE,
)
_CUE_AFTER = re.compile(r"[\"”’]? (?:section|chapter|page)\b")
_SENTENCE_END = re.compile(r"[.!?]\s+")
_DISTINCTIVE = re.compile(r"[^\W_]_+[^\W_]|[a-z][A-Z]")  # a word that is nobody's everyday word: add_library, urlOpen


@dataclass(frozen=True, slots=True)
class Found:
    """A name in a text: characters `start` to `end` of what the reader sees."""

    start: int
    end: int
    place: Place
    cue: Literal["", "see", "see also"]  # the words around it that make it a reference; "" for a mere mention


def find_names(inlines: Inlines, names: Names, page: Page, see_also: bool) -> Iterator[Found]:
    """Names of pages and headings in the text and code of `inlines`, from left to right, the longest first."""
    text = visible(inlines)
    tokens = [(match.start(), match.end(), match[0].casefold()) for match in _WORD.finditer(text)]
    end = 0
    for index, (start, _, first) in enumerate(tokens):
        if start < end:
            continue
        for length in names.lengths.get(first, ()):
            found = _name_of(text, tokens[index : index + length], names, page, see_also)
            if found and length <= len(tokens) - index:
                yield found
                end = found.end
                break


def _name_of(
    text: str, tokens: Sequence[tuple[int, int, str]], names: Names, page: Page, see_also: bool
) -> Found | None:
    if not all(_GAP.match(text[left[1] : right[0]]) for left, right in pairwise(tokens)):
        return None
    place = names.find(tuple(token[2] for token in tokens), page, elsewhere=see_also)
    if place is None:
        return None
    start, end = tokens[0][0], tokens[-1][1]
    if text.count("(", start, end) > text.count(")", start, end):
        end += text[end : end + 1] == ")"
    cue = _cue(text, start, end, see_also)
    written = text[start:end]
    if len(tokens) == 1 and not (_DISTINCTIVE.search(written) or (cue and written[0].isupper())):
        return None
    if text[:start].endswith("The ") and (place.is_title and place.page.name.startswith("The ")):
        start -= len("The ")
    return Found(start, end, place, cue) if cue or place.is_title else None


def _cue(text: str, start: int, end: int, see_also: bool) -> Literal["", "see", "see also"]:
    before = _CUE_BEFORE.search(text[max(start - 60, 0) : start])
    if see_also or (before and before["also"]):
        return "see also"
    return "see" if before or _CUE_AFTER.match(text[end : end + 12]) else ""


def visible(inlines: Inlines) -> str:
    """The text in which positions are counted: an inline that no name may reach into is one opaque character."""
    return "".join(inline.text if isinstance(inline, Text | Code) else _OPAQUE for inline in inlines)


def splice(inlines: Inlines, links: Sequence[tuple[Found, Link]]) -> Inlines:
    """`inlines` with each found name inside its link; code is taken whole or not at all."""
    for found, link in reversed(links):
        inlines = _spliced(inlines, found.start, found.end, link)
    return inlines


def _spliced(inlines: Inlines, start: int, end: int, link: Link) -> Inlines:
    before: list[Inline] = []
    inside: list[Inline] = []
    after: list[Inline] = []
    position = 0
    for inline in inlines:
        size = len(inline.text) if isinstance(inline, Text | Code) else 1
        first, last = max(start - position, 0), min(end - position, size)
        if last <= 0:
            after.append(inline)
        elif first >= size:
            before.append(inline)
        elif isinstance(inline, Text):
            before.append(Text(inline.text[:first]))
            inside.append(Text(inline.text[first:last]))
            after.append(Text(inline.text[last:]))
        elif first == 0 and last == size:
            inside.append(inline)
        else:
            return inlines
        position += size
    return tuple(inline for inline in [*before, replace(link, children=tuple(inside)), *after] if inline != Text(""))


def quote_around(text: str, start: int, end: int) -> str:
    """The sentence around `text[start:end]`, on one line, cut to MAX_EVIDENCE characters where it is longer."""
    breaks = [match.end() for match in _SENTENCE_END.finditer(text)]
    left = max((position for position in breaks if position <= start), default=0)
    right = min((position for position in breaks if position >= end), default=len(text))
    sentence = " ".join(text[left:right].replace(_OPAQUE, "…").split())
    if len(sentence) <= MAX_EVIDENCE:
        return sentence
    name = " ".join(text[start:end].split())
    offset = max(sentence.find(name) - max(MAX_EVIDENCE - len(name), 0) // 2, 0)
    return _cut(sentence, offset, MAX_EVIDENCE - 2)


def _cut(sentence: str, offset: int, length: int) -> str:
    """`length` characters of `sentence` from `offset` on, without halves of words where there are words."""
    piece = sentence[offset : offset + length]
    if offset:
        piece = "…" + (piece.partition(" ")[2] or piece)
    if offset + length < len(sentence):
        piece = (piece.rpartition(" ")[0] or piece) + "…"
    return piece
