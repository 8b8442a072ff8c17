"""The report as a person likes to read it."""

from __future__ import annotations

from collections.abc import Mapping

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from chaos.auditor.report import AuditReport
from chaos.auditor.verdicts import Finding, InvariantResult, Verdict

COLOUR: Mapping[Verdict, str] = {Verdict.VALID: "green", Verdict.INVALID: "red", Verdict.UNKNOWN: "yellow"}
MOST_REASONS = 5


def render(report: AuditReport) -> RenderableType:
    """The verdict, every invariant, the first evidence in full, then all counts."""
    parts: list[RenderableType] = [_invariants(report)]
    if (first := report.first_evidence) is not None:
        parts.append(_evidence(first))
    parts += [_reason(result, why) for result in report.invariants for why in result.unseen[:MOST_REASONS]]
    parts += [Text(f"{result.name}: {note}", style="dim") for result in report.invariants for note in result.notes]
    parts += [_counts(report), _verdict(report)]
    return Group(*parts)


def _invariants(report: AuditReport) -> Table:
    table = Table(title="audit", title_justify="left", show_lines=False)
    for heading in ("invariant", "verdict", "looked at", "found"):
        table.add_column(heading)
    for result in report.invariants:
        verdict = Text(str(result.verdict), style=COLOUR[result.verdict])
        table.add_row(f"{result.name} {result.title}", verdict, _words(result.looked_at), _words(result.counts()))
    return table


def _evidence(finding: Finding) -> Text:
    """Text, not markup: names of files and sagas may hold brackets."""
    text = Text("first evidence: ", style="bold")
    text.append(str(finding.word), style="bold red")
    rows = {
        "project": finding.project,
        "saga": finding.saga_id,
        finding.kind: finding.subject,
        "evidence": finding.evidence,
    }
    for name, value in rows.items():
        if value is not None:
            text.append(f"\n  {name}: ", style="dim")
            text.append(value)
    return text


def _reason(result: InvariantResult, why: str) -> Text:
    return Text(f"{result.name} could not see: {why}", style="yellow")


def _counts(report: AuditReport) -> Text:
    orphans = sum(report.orphans.values())
    lines = [
        f"sagas: {_words(report.sagas) or 'none'}",
        f"orphans: {orphans}" + (f" ({_words(report.orphans)})" if orphans else ""),
        f"dead letters: {report.dead_letters}",
        f"looked at: {_words(report.looked_at)}",
    ]
    return Text("\n".join(lines))


def _verdict(report: AuditReport) -> Text:
    text = Text("verdict: ", style="bold")
    text.append(str(report.verdict), style=f"bold {COLOUR[report.verdict]}")
    return text.append(f" in {report.seconds:.1f} s")


def _words(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count:,} {what}" for what, count in counts.items())
