"""A load test as a section of the chaos report: load, faults and kills, rollbacks, percentiles, alerts, timelines."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from chaos.experiments.drawing import HEIGHT, Axis, css_class, grid, label, svg, timeline
from chaos.experiments.report import Section, chip
from chaos.experiments.timeline import Bar, Row
from loadtests.ending import ENDING, FAULTS, SAGAS
from loadtests.faults import NOTHING

COLUMNS = 60  # of the chart of decisions, at the most
CHART = 90.0  # pixels in height
MOST_TELLING = 16  # sagas that are drawn one by one
DECIDED = ("committed", "rolled back", "parked")
VERDICT_OF = {0: "valid", 1: "invalid", 2: "unknown"}
FIRES = {True: "fires", False: "quiet", None: "unknown"}
Json = Mapping[str, Any]


def section_of(folder: Path) -> Section:
    """The load test that left ``folder``.

    Raises:
        OSError, ValueError, KeyError: it is not whole.
    """
    ending = json.loads((folder / ENDING).read_text())
    figures = ending["figures"]
    began, ended = figures["began"], figures["ended"]
    faults, sagas = list(_faults(_lines(folder / FAULTS))), list(_sagas(_lines(folder / SAGAS)))
    body = _tiles(ending) + _said(ending) + _percentiles(figures) + _ends(sagas, began, ended)
    body += f"<h3>Faults, and the sagas that took longest</h3>{timeline(faults, _longest(sagas), began, ended)}"
    name = "without faults" if figures["chaos"] == NOTHING else figures["chaos"]
    about = f"{figures['users']} users on {figures['projects']} projects, seed {figures['seed']}"
    verdict = VERDICT_OF[ending["exit_status"]]
    return Section("Load tests", name, verdict, about, began, ended, body, folder.name, opened=True)


def _tiles(ending: Json) -> str:
    figures, audit = ending["figures"], ending["audit"]
    faults = figures["faults"]
    shown = {
        "generations": f"{figures['generations']:,}",
        "generations a second": f"{figures['generations_a_second']:g}",
        "did not commit": "-" if figures["failure_rate"] is None else f"{figures['failure_rate']:.1%}",
        "rollbacks": f"{figures['rollbacks']:,}",
        "faults on links": f"{sum(faults.values()) - faults.get('kill', 0):,}",
        "kills": f"{faults.get('kill', 0):,}",
        "turned away (429)": f"{figures['turned_away']:,}",
        "dead letters": f"{audit['dead_letters']:,}",
        "orphans": f"{sum(audit['orphans'].values()):,}",
    }
    tiles = "".join(f'<div class="tile"><b>{value}</b><span>{name}</span></div>' for name, value in shown.items())
    return f'<div class="tiles">{tiles}</div>'


def _said(ending: Json) -> str:
    """The audit's verdict, the alerts, and the thresholds that were broken."""
    audit = ending["audit"]
    chips = chip(audit["verdict"], f"audit: {audit['verdict']}")
    for alert in ending["alerts"]:
        word = FIRES[alert["fires"]]
        chips += chip(word, f"{alert['name']} {word}")
    broken = "".join(f"<p><b>{escape(threshold)}</b></p>" for threshold in ending["broken_thresholds"])
    evidence = audit["first_evidence"]
    found = f"<p><b>{escape(evidence['word'])}: {escape(str(evidence['evidence']))}</b></p>" if evidence else ""
    return f'<div class="chips">{chips}</div>{broken}{found}'


def _percentiles(figures: Json) -> str:
    rows = ""
    for name, prefix in (("generations", ""), ("rollbacks", "rollback_")):
        times = (figures[f"{prefix}p{point}"] for point in (50, 95, 99))
        cells = "".join(f"<td>{'-' if seconds is None else f'{seconds:.2f} s'}</td>" for seconds in times)
        rows += f"<tr><td>{name}</td>{cells}</tr>"
    return f"<table><tr><th></th><th>p50</th><th>p95</th><th>p99</th></tr>{rows}</table>"


def _ends(sagas: Sequence[Row], began: float, ended: float) -> str:
    """How many sagas were decided when, and how: columns over time, failures on top."""
    decided = [(bar.kind, bar.began) for bar in map(_decision, sagas) if bar]
    if not decided:
        return ""
    axis = Axis(began, max([ended, *(at for _, at in decided)]))
    width = axis.step(COLUMNS)
    counts: dict[int, Counter[str]] = {}
    for kind, at in decided:
        counts.setdefault(int((at - axis.began) / width), Counter())[kind] += 1
    most = max(map(Counter.total, counts.values()))
    columns = "".join(_column(axis, number, width, count, most) for number, count in counts.items())
    content = grid(axis, CHART) + columns + label(f"{most} in {width:g} s", 11)
    return f"<h3>Decisions</h3>{svg(CHART + HEIGHT, content)}"


def _column(axis: Axis, number: int, width: float, count: Counter[str], most: int) -> str:
    left, right = (axis.x(axis.began + place * width) for place in (number, number + 1))
    drawn, top = "", CHART
    for kind in DECIDED:
        height = (CHART - 4) * count[kind] / most
        top -= height
        if count[kind]:
            place = f'x="{left:.1f}" y="{top:.1f}" width="{right - left - 1:.1f}" height="{height:.1f}"'
            drawn += f'<rect class="{css_class(kind)}" {place}><title>{count[kind]} {kind}</title></rect>'
    return drawn


def _decision(saga: Row) -> Bar | None:
    return next((bar for bar in saga.bars if bar.kind in DECIDED), None)


def _longest(sagas: Sequence[Row]) -> list[Row]:
    """Those that were undecided for longest, in the order in which they began; what comes after is left out."""
    rows = [Row(saga.name, _until_decided(saga.bars)) for saga in sagas]
    longest = sorted(rows, key=lambda row: row.bars[-1].ended - row.bars[0].began)[-MOST_TELLING:]
    return sorted(longest, key=lambda row: row.bars[0].began)


def _until_decided(bars: Sequence[Bar]) -> tuple[Bar, ...]:
    """A committed saga is confirmed for a while yet, which nobody waits for."""
    return tuple(Bar(bar.kind, bar.began, bar.began) if bar.kind == "committed" else bar for bar in bars)


def _faults(lines: Iterator[Json]) -> Iterator[Row]:
    """One row for each kind of fault, however often it came."""
    bars: dict[str, list[Bar]] = {}
    for line in lines:
        bars.setdefault(line["fault"], []).append(Bar("fault", line["began"], line["ended"]))
    return (Row(name, tuple(found)) for name, found in sorted(bars.items()))


def _sagas(lines: Iterator[Json]) -> Iterator[Row]:
    return (Row(line["saga_id"], tuple(Bar(*state) for state in line["states"])) for line in lines)


def _lines(path: Path) -> Iterator[Json]:
    return map(json.loads, path.read_text().splitlines() if path.exists() else ())
