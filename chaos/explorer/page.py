"""One self-contained page for one run: a diagram of who called whom, the fault, the undo, the broken invariant."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape

from chaos.auditor.verdicts import Verdict
from chaos.explorer.run import Run
from chaos.explorer.story import story, title
from chaos.explorer.world import Entry

_LEFT, _COLUMN, _ROW, _TOP = 90, 210, 34, 64  # pixels
_LETTER = 7.2  # pixels that a letter of the diagram takes, generously
_STYLE = """
:root { color-scheme: light dark; --ink: #1c2430; --paper: #fdfcf9; --line: #c3c8cf; --soft: #6b7480; --good: #1b7f4c;
  --bad: #c02d2d; --fault: #b25a00; --undo: #6b3fa0; --card: #f2f1ec; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e8eb; --paper: #15191f; --line: #3a424d; --soft: #97a1ad;
  --good: #4cc38a; --bad: #ff7b72; --fault: #f0a35e; --undo: #c297ff; --card: #1e242c; } }
body { margin: 0 auto; max-width: 76rem; padding: 2rem 1.5rem 4rem; background: var(--paper); color: var(--ink);
  font: 16px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.5rem; line-height: 1.25; margin: 0 0 .3rem; text-wrap: balance; overflow-wrap: anywhere; }
h2 { font-size: 1rem; margin: 2rem 0 .5rem; color: var(--soft); font-weight: 600; }
.verdict { display: inline-block; padding: .1rem .7rem; border-radius: 1rem; font-weight: 600; color: var(--paper); }
.valid { background: var(--good) } .invalid { background: var(--bad) } .unknown { background: var(--fault) }
.card { background: var(--card); border-left: 4px solid var(--bad); padding: .7rem 1rem; margin: .5rem 0;
  border-radius: 0 .4rem .4rem 0; }
.card.fault { border-color: var(--fault) }
.card small { color: var(--soft); display: block }
.diagram { overflow-x: auto; border: 1px solid var(--line); border-radius: .5rem; padding: .5rem }
svg { display: block; font: 12.5px system-ui, sans-serif; fill: var(--ink) }
svg text { paint-order: stroke; stroke: var(--paper); stroke-width: 4px }
svg .life { stroke: var(--line); stroke-dasharray: 3 4 }
svg .head { font-weight: 600; text-anchor: middle }
svg .time { fill: var(--soft); text-anchor: end; font-variant-numeric: tabular-nums }
svg .call { stroke: var(--ink); stroke-width: 1.4 } svg .call.failed { stroke: var(--bad) }
svg .call.undo { stroke: var(--undo) } svg .call.late { stroke: var(--fault); stroke-dasharray: 6 3 }
svg .what { text-anchor: middle } svg .what.undo { fill: var(--undo) } svg .what.failed { fill: var(--bad) }
svg .what.late { fill: var(--fault) }
svg .fault { fill: var(--fault); font-weight: 600 } svg .write { fill: var(--soft) }
svg .broken { fill: var(--bad); font-weight: 700 }
pre { background: var(--card); padding: 1rem; border-radius: .4rem; font-size: .82rem;
  white-space: pre-wrap; overflow-wrap: anywhere }
"""


def page(run: Run) -> str:
    """The page as HTML; it loads nothing from anywhere."""
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(title(run))}</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<style>{_STYLE}</style><h1>{escape(title(run))}</h1>"
        f'<p><span class="verdict {run.verdict}">{run.verdict}</span> {_states(run)}</p>'
        f"{''.join(_cards(run))}<h2>What happened</h2>"
        f'<div class="diagram">{_diagram(run)}</div>'
        f"<h2>The same in words</h2><pre>{escape(story(run))}</pre></html>"
    )


def _states(run: Run) -> str:
    return escape("; ".join(f"{saga_id} says {state}" for saga_id, state in sorted(run.states.items())))


def _cards(run: Run) -> Iterator[str]:
    for fault in run.schedule.faults:
        yield f'<div class="card fault"><b>{escape(str(fault.kind))}</b><small>{escape(str(fault.point))}</small></div>'
    for finding in run.findings[:20]:
        yield (
            f'<div class="card"><b>{escape(str(finding.anomaly))}</b> · {escape(finding.broken)} broken · '
            f"{escape(finding.subject)}<small>{escape(finding.evidence)}</small></div>"
        )
    for why in run.unseen[:20]:
        yield f'<div class="card">not seen<small>{escape(why)}</small></div>'


def _diagram(run: Run) -> str:
    names = _lifelines(run.trace)
    columns = {name: _LEFT + 100 + number * _COLUMN for number, name in enumerate(names)}
    width, height = _width(run.trace, columns), _TOP + (len(run.trace) + 2) * _ROW
    parts = [f'<svg width="{width}" height="{height}" role="img" aria-label="sequence diagram">', _MARKERS]
    for name, x in columns.items():
        parts.append(f'<text class="head" x="{x}" y="30">{escape(name)}</text>')
        parts.append(f'<line class="life" x1="{x}" y1="42" x2="{x}" y2="{height - _ROW}"/>')
    for number, entry in enumerate(run.trace):
        parts += _row(entry, columns, _TOP + number * _ROW + 10)
    if run.verdict is Verdict.INVALID:
        finding = run.findings[0]
        x = columns.get(finding.participant or "", _LEFT + 20)
        said = escape(str(finding.anomaly))
        parts.append(f'<text class="broken" text-anchor="middle" x="{x}" y="{height - 12}">✗ {said}</text>')
    return "".join([*parts, "</svg>"])


_MARKERS = (
    '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
    '<path d="M0 0 L8 4 L0 8 z" fill="context-stroke"/></marker>'
    '<marker id="lost" viewBox="0 0 10 10" refX="5" refY="5" markerWidth="9" markerHeight="9">'
    '<path d="M1 1 L9 9 M9 1 L1 9" stroke="context-stroke" stroke-width="1.6"/></marker></defs>'
)


def _lifelines(trace: Sequence[Entry]) -> list[str]:
    """Coordinators first, then participants, each in the order in which they appear."""
    coordinators = dict.fromkeys(entry.source for entry in trace if entry.source.startswith("coordinator "))
    coordinators = dict.fromkeys(name for name in coordinators if "→" not in name and "writes" not in name)
    called = dict.fromkeys(entry.target for entry in trace if entry.kind in ("call", "late"))
    return [*coordinators, *called]


def _width(trace: Sequence[Entry], columns: dict[str, int]) -> int:
    """Room for every lifeline, and for what is written beside one."""
    notes = (_note(entry, columns) for entry in trace if not _is_arrow(entry, columns))
    return max([_LEFT + len(columns) * _COLUMN + 20, *(x + round(len(said) * _LETTER) for x, said in notes)])


def _row(entry: Entry, columns: dict[str, int], y: int) -> Iterator[str]:
    yield f'<text class="time" x="{_LEFT - 12}" y="{y + 4}">{entry.at:.2f} s</text>'
    if _is_arrow(entry, columns):
        yield from _arrow(entry, columns[entry.source], columns[entry.target], y)
        return
    x, said = _note(entry, columns)
    if entry.kind == "write":
        yield f'<circle cx="{columns.get(entry.source, _LEFT)}" cy="{y}" r="3.5"/>'
    style = "write" if entry.kind == "write" else "fault"
    yield f'<text class="{style}" x="{x}" y="{y + 4}">{escape(said)}</text>'


def _is_arrow(entry: Entry, columns: dict[str, int]) -> bool:
    return entry.kind in ("call", "late") and entry.source in columns


def _note(entry: Entry, columns: dict[str, int]) -> tuple[int, str]:
    """Where what is no arrow begins, and what it says."""
    if entry.kind == "fault":
        return _LEFT, f"⚡ {entry.outcome}: {entry.source}"
    said = f"log: {_short(entry.what)}" if entry.kind == "write" else f"{entry.source} {entry.outcome}"
    return columns.get(entry.source, _LEFT) + 9, said


def _arrow(entry: Entry, start: int, end: int, y: int) -> Iterator[str]:
    failed = not entry.outcome.startswith("2")
    kind = "late" if entry.kind == "late" else "undo" if _is_undo(entry) else "failed" if failed else ""
    tip = "tip" if entry.outcome[:1].isdigit() else "lost"
    late = ", late" if entry.kind == "late" else ""
    said = f"{entry.what}{late} · {entry.outcome} {entry.detail}".strip()
    yield f'<line class="call {kind}" x1="{start}" y1="{y}" x2="{end}" y2="{y}" marker-end="url(#{tip})"/>'
    yield f'<text class="what {kind}" x="{(start + end) / 2}" y="{y - 5}">{escape(said)}</text>'


def _is_undo(entry: Entry) -> bool:
    return entry.what.startswith(("undo", "DELETE"))


def _short(what: str) -> str:
    return what if len(what) <= 90 else f"{what[:87]}…"
