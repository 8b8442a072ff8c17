"""What an audit answers: a verdict, every invariant with what was looked at, and all counts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from chaos.auditor.verdicts import Finding, InvariantResult, Verdict, Word

EXIT_STATUS: Mapping[Verdict, int] = {Verdict.VALID: 0, Verdict.INVALID: 1, Verdict.UNKNOWN: 2}
MOST_FINDINGS = 100  # of one invariant in the JSON; the counts are of all


@dataclass(frozen=True)
class AuditReport:
    """The outcome of one audit.

    Attributes:
        sagas: how many by state.
        orphans: how many by kind: ``files``, ``snapshots``, ``relationships``, ``pages``.
        dead_letters: failed sagas that wait with their evidence.
        looked_at: how many of what was looked at.
        started_at: Unix seconds.
    """

    verdict: Verdict
    invariants: tuple[InvariantResult, ...]
    sagas: Mapping[str, int]
    orphans: Mapping[str, int]
    dead_letters: int
    looked_at: Mapping[str, int]
    started_at: float
    seconds: float

    @property
    def exit_status(self) -> int:
        """0 valid, 1 invalid, 2 unknown."""
        return EXIT_STATUS[self.verdict]

    @property
    def first_evidence(self) -> Finding | None:
        """The first finding of the first invariant that is broken."""
        return next((finding for result in self.invariants for finding in result.findings), None)

    def to_json(self) -> dict[str, Any]:
        """The whole report as JSON values, findings up to ``MOST_FINDINGS`` an invariant."""
        first = self.first_evidence
        return {
            "verdict": str(self.verdict),
            "first_evidence": _finding(first) if first else None,
            "invariants": [_invariant(result) for result in self.invariants],
            "sagas": dict(self.sagas),
            "orphans": dict(self.orphans),
            "dead_letters": self.dead_letters,
            "looked_at": dict(self.looked_at),
            "started_at": self.started_at,
            "seconds": round(self.seconds, 3),
        }

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> AuditReport:
        """What ``to_json`` of another process wrote."""
        return cls(
            verdict=Verdict(raw["verdict"]),
            invariants=tuple(_read_invariant(each) for each in raw["invariants"]),
            sagas=raw["sagas"],
            orphans=raw["orphans"],
            dead_letters=raw["dead_letters"],
            looked_at=raw["looked_at"],
            started_at=raw["started_at"],
            seconds=raw["seconds"],
        )


def _invariant(result: InvariantResult) -> dict[str, Any]:
    return {
        "name": result.name,
        "title": result.title,
        "verdict": str(result.verdict),
        "looked_at": dict(result.looked_at),
        "counts": result.counts(),
        "findings": [_finding(finding) for finding in result.findings[:MOST_FINDINGS]],
        "findings_in_all": len(result.findings),
        "unseen": list(result.unseen),
        "notes": list(result.notes),
    }


def _read_invariant(raw: Mapping[str, Any]) -> InvariantResult:
    return InvariantResult(
        name=raw["name"],
        title=raw["title"],
        verdict=Verdict(raw["verdict"]),
        findings=tuple(Finding(**each | {"word": Word(each["word"])}) for each in raw["findings"]),
        unseen=tuple(raw["unseen"]),
        looked_at=raw["looked_at"],
        notes=tuple(raw["notes"]),
    )


def _finding(finding: Finding) -> dict[str, Any]:
    return asdict(finding) | {"word": str(finding.word)}
