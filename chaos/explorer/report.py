"""What an exploration says: to people, as JSON, and as files for each minimal counterexample."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from chaos.explorer.page import page
from chaos.explorer.record import NOT_SIMULATED, PRUNED, Report
from chaos.explorer.run import Run
from chaos.explorer.story import story, title

FORMAT = 1


def to_json(report: Report) -> dict[str, Any]:
    """The report; its form is stable."""
    return {
        "format": FORMAT,
        "scenario": report.scenario,
        "verdict": str(report.verdict),
        "faults": report.faults,
        "schedules": {
            "run": report.runs,
            "invalid": report.invalid,
            "unknown": report.unknown,
            "per_second": round(report.rate, 1),
            "seconds": round(report.seconds, 2),
        },
        "coverage": {
            "points": dict(sorted(report.points.items())),
            "points_and_kinds": len(report.pairs),
            "faults_by_kind": dict(sorted(report.tried.items())),
            "never_fired": report.never_fired,
            "pruned": list(PRUNED),
            "not_simulated": list(NOT_SIMULATED),
        },
        "real_calls": report.real_calls,
        "counterexamples": [_counterexample(run) for run in report.minimal],
        "unseen": sorted({why for run in report.failing for why in run.unseen}),
    }


def coverage(report: Report) -> Iterator[str]:
    """Coverage in words, a line each."""
    yield (
        f"{report.runs:,} schedules with up to {report.most_faults} faults, {report.rate:,.0f} a second; "
        f"{len(report.points)} different points, {len(report.pairs)} pairs of a point and a kind of fault"
    )
    yield "faults: " + ", ".join(f"{kind} {count:,}" for kind, count in sorted(report.tried.items()))
    yield f"never fired: {report.never_fired}"
    yield f"the participants' apps were really called {report.real_calls:,} times; the rest was the same again"
    yield "pruned, because provably the same:"
    yield from (f"  {why}" for why in PRUNED)
    yield "not simulated:"
    yield from (f"  {what}" for what in NOT_SIMULATED)


def save(report: Report, folder: Path) -> list[Path]:
    """Write each minimal counterexample as a schedule (JSON), a story and a page; the schedules' paths."""
    folder.mkdir(parents=True, exist_ok=True)
    saved = []
    for number, run in enumerate(report.minimal, start=1):
        path = folder / f"{_slug(report.scenario)}-{number}.json"
        path.write_text(json.dumps(run.schedule.to_json(), indent=2) + "\n")
        path.with_suffix(".txt").write_text(story(run) + "\n")
        path.with_suffix(".html").write_text(page(run))
        saved.append(path)
    return saved


def _counterexample(run: Run) -> dict[str, Any]:
    return {
        "title": title(run),
        "schedule": run.schedule.to_json(),
        "states": run.states,
        "findings": findings_to_json(run),
    }


def findings_to_json(run: Run) -> list[dict[str, Any]]:
    """What was found, in the order in which it was."""
    return [
        {
            "anomaly": str(finding.anomaly),
            "broken": finding.broken,
            "subject": finding.subject,
            "evidence": finding.evidence,
            "saga_id": finding.saga_id,
            "participant": finding.participant,
        }
        for finding in run.findings
    ]


def _slug(name: str) -> str:
    return "".join(letter if letter.isalnum() or letter in "-_" else "-" for letter in name)
