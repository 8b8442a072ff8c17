"""A report that came from another process is the one that it wrote."""

from __future__ import annotations

from chaos.auditor.report import AuditReport
from chaos.auditor.verdicts import Finding, InvariantResult, Verdict, Word

REPORT = AuditReport(
    verdict=Verdict.INVALID,
    invariants=(
        InvariantResult(
            "A2",
            "no orphans",
            Verdict.INVALID,
            (Finding(Word.ORPHAN, "files", "p", "s", "a.md", "belongs to no committed saga"),),
            unseen=("the graph",),
            looked_at={"files": 3},
            notes=("a note",),
        ),
    ),
    sagas={"committed": 2},
    orphans={"files": 1},
    dead_letters=0,
    looked_at={"sagas": 2},
    started_at=12.5,
    seconds=0.25,
)


def test_what_is_written_is_read():
    assert AuditReport.from_json(REPORT.to_json()) == REPORT
    assert AuditReport.from_json(REPORT.to_json()).exit_status == 1
