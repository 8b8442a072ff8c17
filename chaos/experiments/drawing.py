"""What happened when, drawn as SVG: faults and sagas as rows of bars on one axis of time."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape

from chaos.experiments.timeline import Bar, Row

WIDTH, LABEL, HEIGHT = 1000, 250, 19  # pixels
NARROWEST = 4.0
LETTERS = 34  # of a label
KINDS = ("fault", "executing", "rolling back", "rolled back", "committed", "parked")
_TICKS = 8  # at the most


@dataclass(frozen=True)
class Axis:
    """From moments, in Unix seconds, to pixels from the left."""

    began: float
    ended: float

    def x(self, moment: float) -> float:
        share = (moment - self.began) / max(self.ended - self.began, 0.001)
        return LABEL + min(max(share, 0.0), 1.0) * (WIDTH - LABEL)

    def ticks(self) -> Iterator[float]:
        """Round numbers of seconds since the beginning."""
        length, step = self.ended - self.began, self.step(_TICKS)
        return (number * step for number in range(math.floor(length / step) + 1))

    def step(self, most: int) -> float:
        """The least round number of seconds that goes no more than ``most`` times into the axis."""
        length = max(self.ended - self.began, 0.001)
        power: float = 10 ** math.floor(math.log10(length / most))
        return next(power * factor for factor in (1, 2, 5, 10) if length / (power * factor) <= most)


def timeline(faults: Sequence[Row], sagas: Sequence[Row], began: float, ended: float) -> str:
    """Faults above, sagas below; each fault shades what happened meanwhile.

    Args:
        began, ended: when the run did; the axis is longer where a bar is.
    """
    bars = [bar for row in (*faults, *sagas) for bar in row.bars]
    axis = Axis(min([began, *(bar.began for bar in bars)]), max([ended, *(bar.ended for bar in bars)]))
    height = HEIGHT * (len(faults) + len(sagas))
    bands = "".join(_rect("band", axis, bar, 0, height) for row in faults for bar in row.bars)
    rows = "".join(_row(axis, row, number * HEIGHT) for number, row in enumerate((*faults, *sagas)))
    return svg(height + HEIGHT, grid(axis, height) + bands + rows)


def svg(height: float, content: str) -> str:
    """A drawing of the page's width."""
    return f'<svg viewBox="0 0 {WIDTH} {height}" role="img">{content}</svg>'


def grid(axis: Axis, height: float) -> str:
    """A line and a label for every tick; needs HEIGHT below ``height``."""
    drawn = []
    for seconds in axis.ticks():
        x = axis.x(axis.began + seconds)
        anchor = "end" if x > WIDTH - 20 else "middle"
        drawn.append(f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="0" y2="{height}"/>')
        drawn.append(f'<text x="{x:.1f}" y="{height + 14}" text-anchor="{anchor}">{seconds:g} s</text>')
    return "".join(drawn)


def label(text: str, y: float) -> str:
    """A row's name, cut to its place; the whole of it shows under the pointer."""
    short = text if len(text) <= LETTERS else "…" + text[-LETTERS + 1 :]
    return f'<text x="{LABEL - 10}" y="{y}" text-anchor="end">{escape(short)}<title>{escape(text)}</title></text>'


def css_class(kind: str) -> str:
    """The class of the page's style that colours this kind of bar."""
    return kind.replace(" ", "-")


def key() -> str:
    """What the colours mean."""
    named = (f'<span><i class="{css_class(kind)}"></i>{kind}</span>' for kind in KINDS)
    return f'<p class="key">{"".join(named)}</p>'


def _row(axis: Axis, row: Row, top: float) -> str:
    bars = (_rect(css_class(bar.kind), axis, bar, top + 3, HEIGHT - 6) for bar in row.bars)
    return label(row.name, top + 13) + "".join(bars)


def _rect(style: str, axis: Axis, bar: Bar, top: float, height: float) -> str:
    left = min(axis.x(bar.began), WIDTH - NARROWEST)
    width = max(NARROWEST, axis.x(bar.ended) - left)
    title = f"<title>{escape(bar.kind)}, {bar.ended - bar.began:.2f} s</title>"
    place = f'x="{left:.1f}" y="{top:.1f}" width="{width:.1f}" height="{height:.1f}"'
    return f'<rect class="{escape(style)}" {place} rx="2">{title}</rect>'
