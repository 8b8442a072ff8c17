"""Grid tables drawn with +---+ and | in plain text."""

from __future__ import annotations

import re
from collections.abc import Sequence

from backend.wiki.formats.text_inline import join_lines, parse_inlines
from backend.wiki.model import Block, CodeBlock, Table

BORDER = re.compile(r"^[+|](?:[-=]+[+|])+$")


def table_end(lines: Sequence[str], start: int) -> int:
    """The index after the last line of the table that starts at `start`."""
    end = start
    while end < len(lines) and lines[end][:1] in ("+", "|"):
        end += 1
    return end


def parse_table(lines: Sequence[str]) -> Block:
    """A table, or a code block when cells span columns or the drawing is not regular: then it is shown as drawn."""
    bars = [index for index, character in enumerate(lines[0]) if character == "+"]
    rows: list[list[list[str]]] = []
    for line in lines:
        if BORDER.match(line):
            rows.append([[] for _ in bars[1:]])
        elif len(line) > bars[-1] and all(line[bar] == "|" for bar in bars):
            for cell, left, right in zip(rows[-1], bars, bars[1:], strict=False):
                cell.append(line[left + 1 : right])
        else:
            return CodeBlock("\n".join(lines))
    filled = [row for row in rows if any(row)]
    return Table(tuple(tuple(parse_inlines(join_lines(cell).strip()) for cell in row) for row in filled))
