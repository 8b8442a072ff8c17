"""The bench's ratios against their targets, as a picture (needs the extra ``bench``)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any


def draw(figures: Sequence[Any], path: Path) -> None:
    """Draw every figure that has a ratio as a bar beside the bare calls. Raises ImportError without matplotlib."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot

    rows = [figure for figure in figures if figure.ratio is not None]
    picture, axes = pyplot.subplots(figsize=(8, 1 + 0.6 * len(rows)))
    colours = ["#2f855a" if row.met else "#c53030" for row in rows]
    axes.barh([f"{row.name}\n({row.target})" for row in rows], [row.ratio for row in rows], color=colours)
    axes.axvline(1.0, color="#4a5568", linewidth=1, linestyle="--", label="bare calls")
    axes.set_xlabel("ratio within one run, median")
    axes.invert_yaxis()
    axes.legend()
    picture.tight_layout()
    picture.savefig(path)
