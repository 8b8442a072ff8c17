"""Plain text with the usual typewriter habits: underlined headings, "* " lists, indented examples, drawn tables.

This is also what Sphinx writes for `pydoc_data.topics`, Python's own language reference, in any Python from 3.11 on.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import chain
from textwrap import dedent

from backend.wiki.formats import text_table
from backend.wiki.formats.registry import Format, register
from backend.wiki.formats.text_inline import join_lines, parse_inlines
from backend.wiki.model import (
    Block,
    Blocks,
    BulletList,
    Code,
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
    Text,
)

_UNDERLINE = re.compile(r"([*=\-~^\"#+])\1{2,}$")
_BULLET = re.compile(r"(?P<mark>[*\-•])[ ]+(?=\S)")
_NUMBER = re.compile(r"(?P<number>\d{1,3})[.)][ ]+(?=\S)")
_FOOTNOTE = re.compile(r"\[\w{1,20}\] (?=\S)")
_RUBRIC = re.compile(r"-\[ (?P<title>.+) \]-$")
_NOTE = re.compile(
    r"(?:Note|Warning|Tip|Hint|Important|Caution|Attention|Danger|Deprecated .+|(?:Changed|Added) in .+):$"
)
_SEE_ALSO = re.compile(r"see also:$", re.IGNORECASE)
_SENTENCE_END = re.compile(r"[.:!?)”\"]$")
_WORDS = re.compile(r"[A-Z][a-z]+(?:[ -][A-Za-z]+)*")
_CODE_SIGNS = re.compile(r"^\s*(?:>>>|\$ |Traceback|\**\w+\**\s*::=)|::=|\S {2,}# |^\s*\*\*\w+\*\*:", re.MULTILINE)
_GRAMMAR_NAME = re.compile(r"^(?P<indent>\s*)\*\*(?P<name>\w+)\*\*(?=:)", re.MULTILINE)


def parse(text: str) -> Blocks:
    lines = [line.rstrip() for line in text.expandtabs(8).replace("\f", "\n").splitlines()]
    return _Reader().blocks(lines)


def find_title(text: str) -> str | None:
    """The first underlined line, if it stands at the top of the text."""
    lines = [line.strip() for line in text.strip().splitlines()[:3]]
    if lines and _UNDERLINE.match(lines[0]):  # reST also draws a line above the title
        lines = lines[1:]
    return lines[0] if len(lines) > 1 and lines[0] and _UNDERLINE.match(lines[1]) else None


class _Reader:
    """Reads one document; it remembers which underline meant which level of heading."""

    def __init__(self) -> None:
        self._underlines: list[str] = []

    def blocks(self, lines: Sequence[str]) -> Blocks:
        found: list[Block] = []
        index = 0
        while index < len(lines):
            if lines[index]:
                blocks, index = self._next(lines, index)
                found += blocks
            else:
                index += 1
        return _joined(found)

    def _next(self, lines: Sequence[str], start: int) -> tuple[Blocks, int]:
        line, following = lines[start], lines[start + 1] if start + 1 < len(lines) else ""
        if line[0] == " ":
            end = _end_of_indented(lines, start)
            return self._indented(lines[start:end]), end
        if text_table.BORDER.match(line):
            end = text_table.table_end(lines, start)
            return (text_table.parse_table(lines[start:end]),), end
        if _UNDERLINE.match(following) and len(following) >= min(len(line), 4) and not _UNDERLINE.match(line):
            return (Heading(self._level(following[0]), parse_inlines(line)),), start + 2
        if _UNDERLINE.match(line):
            return (Rule(),), start + 1
        if rubric := _RUBRIC.match(line):
            return (Paragraph((Strong((Text(rubric["title"]),)),)),), start + 1
        if marker := _BULLET.match(line) or _NUMBER.match(line) or _FOOTNOTE.match(line):
            return self._item(lines, start, marker)
        return self._paragraph(lines, start)

    def _level(self, underline: str) -> int:
        if underline not in self._underlines:
            self._underlines.append(underline)
        return 1 + self._underlines.index(underline)

    def _item(self, lines: Sequence[str], start: int, marker: re.Match[str]) -> tuple[Blocks, int]:
        end = _end_of_indented(lines, start + 1)
        below = [_moved_left(line, marker.end()) for line in lines[start + 1 : end]]
        item = self.blocks([lines[start][marker.end() :], *below])
        if marker.re is _FOOTNOTE and item and isinstance(item[0], Paragraph):
            item = (Paragraph((Text(marker[0]), *item[0].children)), *item[1:])
        number = marker.groupdict().get("number")
        return ((OrderedList((item,), int(number)) if number else BulletList((item,))),), end

    def _paragraph(self, lines: Sequence[str], start: int) -> tuple[Blocks, int]:
        end = start + 1
        while end < len(lines) and lines[end] and lines[end][0] != " ":
            end += 1
        words = lines[start:end]
        text_end = end
        while end < len(lines) and not lines[end]:
            end += 1
        if end == len(lines) or lines[end][0] != " ":
            return (Paragraph(parse_inlines(join_lines(words))),), text_end
        return self._with_indented(words, lines, text_end, end)

    def _with_indented(
        self, words: Sequence[str], lines: Sequence[str], text_end: int, start: int
    ) -> tuple[Blocks, int]:
        """A paragraph and the indented lines below it, which belong together as a note or a definition, or do not."""
        end = _end_of_indented(lines, start)
        inside = _dedented(lines[start:end])
        if _SEE_ALSO.match(words[-1]) and len(words) == 1:
            return (SeeAlso(self.blocks(inside)),), end
        if _NOTE.match(words[-1]) and len(words) == 1:
            return (Quote((Paragraph((Strong((Text(words[0]),)),)), *self.blocks(inside))),), end
        touching = start == text_end
        if touching and words[-1].endswith(":") and not _reads_as_prose(inside):
            return (Paragraph(parse_inlines(join_lines(words))), *self._indented(inside)), end
        if (touching and len(words) == 1) or (not words[-1].endswith((".", ":")) and _reads_as_prose(inside)):
            terms = tuple(_term(line, signature=not touching) for line in words)
            return (DefinitionList((Definition(terms, self.blocks(inside)),)),), end
        if touching:  # a hanging indent: still the same paragraph
            return (Paragraph(parse_inlines(join_lines([*words, *inside]))),), end
        return (Paragraph(parse_inlines(join_lines(words))),), text_end

    def _indented(self, lines: Sequence[str]) -> Blocks:
        inside = _dedented(lines)
        if _reads_as_prose(inside):
            return self.blocks(inside)
        return (CodeBlock(_GRAMMAR_NAME.sub(r"\g<indent>\g<name>", "\n".join(inside).rstrip())),)


def _joined(blocks: Iterable[Block]) -> Blocks:
    """Neighbouring items become one list."""
    runs: list[list[Block]] = []
    for block in blocks:
        if runs and _goes_on(runs[-1][-1], block):
            runs[-1].append(block)
        else:
            runs.append([block])
    return tuple(_one_list(run) for run in runs)


def _goes_on(last: Block, block: Block) -> bool:
    if isinstance(last, OrderedList) and isinstance(block, OrderedList):
        return block.start == last.start + len(last.items)
    return isinstance(block, BulletList | DefinitionList) and type(last) is type(block)


def _one_list(run: Sequence[Block]) -> Block:
    first = run[0]
    if isinstance(first, DefinitionList):
        described = (part.items for part in run if isinstance(part, DefinitionList))
        return DefinitionList(tuple(chain.from_iterable(described)))
    if isinstance(first, BulletList | OrderedList):
        items = (part.items for part in run if isinstance(part, BulletList | OrderedList))
        return replace(first, items=tuple(chain.from_iterable(items)))
    return first


def _end_of_indented(lines: Sequence[str], start: int) -> int:
    """The index after the last line, from `start` on, that is indented; blank lines at the end do not count."""
    end = index = start
    while index < len(lines) and (not lines[index] or lines[index][0] == " "):
        index += 1
        if lines[index - 1]:
            end = index
    return end


def _dedented(lines: Sequence[str]) -> list[str]:
    return dedent("\n".join(lines)).split("\n")


def _moved_left(line: str, columns: int) -> str:
    """`line` without its first `columns` blanks, or without as many as it has."""
    return line[min(columns, len(line) - len(line.lstrip())) :]


def _term(line: str, signature: bool) -> Inlines:
    """What Sphinx describes below a blank line is a signature, so code; other terms are so when they look like it."""
    before_call = line.partition("(")[0]
    if line.startswith("**") or '"' in before_call or "`" in before_call or (before_call[-1:] == " " and '"' in line):
        return parse_inlines(line)
    if _WORDS.fullmatch(line):
        return (Text(line),)
    return (Code(line),) if signature or "(" in line or " " not in line else (Text(line),)


def _reads_as_prose(lines: Sequence[str]) -> bool:
    """Whether indented lines are sentences or a list; otherwise they are an example, shown as they are."""
    text = "\n".join(lines).strip("\n")
    first = text.split("\n\n", 1)[0]
    if _BULLET.match(first) or _NUMBER.match(first) or text_table.BORDER.match(first.split("\n")[0]):
        return True
    if _CODE_SIGNS.search(first) or not _SENTENCE_END.search(first.rstrip()):
        return False
    return first.lstrip('"“*(').lstrip()[:1].isupper() and first.count(" ") >= 2


register(Format("text", (".txt",), parse, find_title))
