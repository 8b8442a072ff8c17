"""Evidence as one HTML page that needs nothing else: verdicts, and a timeline of faults and sagas for every run."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from chaos.experiments.timeline import Bar, Evidence, Row

WIDTH, LABEL, HEIGHT = 1000, 330, 18  # pixels
NARROWEST = 2.0
COLOUR = {
    "fault": "#c2185b",
    "executing": "#1e88e5",
    "rolling back": "#fb8c00",
    "rolled back": "#6d4c41",
    "committed": "#43a047",
    "parked": "#e53935",
}
_STYLE = """
:root { color-scheme: light dark }
body { font: 15px/1.4 system-ui, sans-serif; margin: 2em auto; max-width: 1040px; padding: 0 1em }
table { border-collapse: collapse; width: 100% }
td, th { text-align: left; padding: .25em .6em; border-bottom: 1px solid #8884 }
.valid { color: #43a047 } .invalid { color: #e53935 } .unknown, .skipped { color: #fb8c00 }
svg { width: 100%; height: auto } text { font-size: 11px; fill: currentColor } section { margin-top: 2.5em }
.key span { display: inline-block; width: 1em; height: 1em; margin: 0 .3em 0 1em; vertical-align: -.15em }
"""


def page(runs: Sequence[Evidence]) -> str:
    """The page of these runs, in the order given."""
    body = f"<h1>Chaos experiments</h1>{_summary(runs)}{_key()}{''.join(map(_section, runs))}"
    head = f'<meta charset="utf-8"><title>Chaos experiments</title><style>{_STYLE}</style>'
    return f'<!doctype html><html lang="en"><head>{head}</head><body>{body}</body></html>\n'


def _summary(runs: Iterable[Evidence]) -> str:
    rows = "".join(
        f'<tr><td><a href="#{escape(run.folder.name)}">{escape(run.name)}</a></td>{_verdict_cell(run)}'
        f"<td>{run.ended - run.began:.1f} s</td><td>{escape(run.claim)}</td></tr>"
        for run in runs
    )
    return f"<table><tr><th>experiment</th><th>verdict</th><th>time</th><th>claim</th></tr>{rows}</table>"


def _verdict_cell(run: Evidence) -> str:
    return f'<td class="{escape(run.verdict)}">{escape(run.verdict)}</td>'


def _key() -> str:
    return '<p class="key">' + "".join(_swatch(kind) for kind in COLOUR) + "</p>"


def _swatch(kind: str) -> str:
    return f'<span style="background:{COLOUR[kind]}"></span>{kind}'


def _section(run: Evidence) -> str:
    why = f"<p>{escape(run.why)}</p>" if run.why else ""
    title = f'<h2>{escape(run.name)}: <span class="{escape(run.verdict)}">{escape(run.verdict)}</span></h2>'
    where = f"<p>evidence: <code>{escape(run.folder.name)}</code></p>"
    body = f"{title}<p>{escape(run.claim)}</p>{why}{_timeline(run)}{where}"
    return f'<section id="{escape(run.folder.name)}">{body}</section>'


def _timeline(run: Evidence) -> str:
    rows = (*run.faults, *run.sagas)
    bars = [bar for row in rows for bar in row.bars]
    began = min((bar.began for bar in bars), default=run.began)
    ended = max((bar.ended for bar in bars), default=run.ended)
    scale = (WIDTH - LABEL) / max(ended - began, 0.001)
    lines = "".join(_row(number, row, began, scale) for number, row in enumerate(rows))
    height = HEIGHT * (len(rows) + 1)
    axis = f'<text x="{LABEL}" y="{height - 5}">0 s</text>'
    axis += f'<text x="{WIDTH}" y="{height - 5}" text-anchor="end">{ended - began:.1f} s</text>'
    return f'<svg viewBox="0 0 {WIDTH} {height}" role="img">{lines}{axis}</svg>'


def _row(number: int, row: Row, began: float, scale: float) -> str:
    top = number * HEIGHT
    label = f'<text x="0" y="{top + 13}">{escape(row.name[-55:])}</text>'
    return label + "".join(_bar(bar, top, began, scale) for bar in row.bars)


def _bar(bar: Bar, top: int, began: float, scale: float) -> str:
    left, width = LABEL + (bar.began - began) * scale, max(NARROWEST, (bar.ended - bar.began) * scale)
    title = f"<title>{escape(bar.kind)}, {bar.ended - bar.began:.2f} s</title>"
    colour = COLOUR.get(bar.kind, "gray")
    return (
        f'<rect x="{left:.1f}" y="{top + 3}" width="{width:.1f}" height="{HEIGHT - 6}" fill="{colour}">{title}</rect>'
    )
