"""docs/gallery.md against the registry."""

from __future__ import annotations

import re
from pathlib import Path

from chaos.gallery.registry import entries

PAGE = (Path(__file__).parents[2] / "docs" / "gallery.md").read_text()
ROWS = [[cell.strip() for cell in row.strip("|").split("|")] for row in re.findall(r"^\|.*\|$", PAGE, re.MULTILINE)]


def test_every_entry_stands_in_the_table_as_the_registry_has_it() -> None:
    listed = [row[:5] for row in ROWS if len(row) == 5 and row[0].startswith("`")]
    known = [
        [f"`{entry.name}`", str(entry.kind), entry.title, str(entry.expected), str(entry.faults)]
        for entry in entries().values()
    ]
    assert listed == known


def test_the_power_of_every_entry_was_measured() -> None:
    measured = {row[0] for row in ROWS if len(row) == 6}
    assert set(entries()) <= measured
