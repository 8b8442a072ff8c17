"""The words of a verdict: what was found, by which check, and how three-valued results combine."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Verdict(StrEnum):
    """``unknown`` is never green: a check that crashed or could not see proves nothing (after jepsen's checker)."""

    VALID = "valid"
    INVALID = "invalid"
    UNKNOWN = "unknown"


class Word(StrEnum):
    """What a finding is, in the field's words."""

    ORPHAN = "orphan"
    """An effect that belongs to no committed saga."""
    LOST_COMPENSATION = "lost compensation"
    """The undo was answered, yet the effect stands, or what was there before is not back."""
    FALSE_COMPENSATED = "false COMPENSATED"
    """The saga says rolled back, or a client was told so, though the undo never was."""
    FALSE_COMMITTED = "false COMMITTED"
    """The saga says committed, or a client was told so, though a step never was done."""
    DOUBLE_EFFECT = "double effect"
    """One action took effect twice."""
    LOST_UPDATE = "lost update"
    """A committed effect is gone or has other bytes."""
    DIRTY_READ = "dirty read"
    """A snapshot holds bytes that another saga had written."""
    STUCK = "stuck"
    """A rollback that came to no end."""
    LIMBO = "limbo"
    """Something that only an open saga may have: an open state, a pending mark, a lock, undo data."""
    WRONG_ORDER = "wrong order"
    """The history does things in an order that the rules forbid (R1, R5)."""
    OPEN_DOOR = "open door"
    """A request without a valid token was taken."""
    CORRUPT = "corrupt"
    """The record itself is damaged: a repository that fsck complains about, a log with gaps."""
    TAMPERED = "tampered"
    """A history is not what was written: an event was edited, deleted, added, moved or cut off."""


@dataclass(frozen=True)
class Finding:
    """One thing that must not be.

    Attributes:
        kind: what it is about: ``files``, ``snapshots``, ``relationships``, ``pages``, ``sagas``, ``locks``, ...
        subject: which one: a file name, a commit, a step.
        evidence: one sentence that says what was seen and what should be; never content, never a token.
    """

    word: Word
    kind: str
    project: str | None
    saga_id: str | None
    subject: str
    evidence: str

    def __str__(self) -> str:
        where = f" in project {self.project}" if self.project else ""
        return f"{self.word}: {self.subject}{where}: {self.evidence}"


@dataclass
class Outcome:
    """What one check saw.

    Attributes:
        unseen: what it could not see, one sentence each.
        looked: how many of what it looked at.
        notes: what a reader of the verdict should know.
    """

    findings: list[Finding] = field(default_factory=list)
    unseen: list[str] = field(default_factory=list)
    looked: Counter[str] = field(default_factory=Counter)
    notes: list[str] = field(default_factory=list)

    def add(self, other: Outcome) -> None:
        """Take in what another check of the same invariant saw."""
        self.findings += other.findings
        self.unseen += other.unseen
        self.looked.update(other.looked)
        self.notes += other.notes


@dataclass(frozen=True)
class InvariantResult:
    """One invariant of DESIGN section 6, judged."""

    name: str
    title: str
    verdict: Verdict
    findings: tuple[Finding, ...] = ()
    unseen: tuple[str, ...] = ()
    looked_at: Mapping[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @classmethod
    def of(cls, name: str, title: str, outcome: Outcome) -> InvariantResult:
        """A finding outweighs what was not seen; what was not seen outweighs what looked good."""
        verdict = Verdict.INVALID if outcome.findings else Verdict.UNKNOWN if outcome.unseen else Verdict.VALID
        return cls(
            name,
            title,
            verdict,
            tuple(outcome.findings),
            tuple(dict.fromkeys(outcome.unseen)),
            dict(outcome.looked),
            tuple(dict.fromkeys(outcome.notes)),
        )

    def counts(self) -> dict[str, int]:
        """Findings by word."""
        return dict(Counter(str(finding.word) for finding in self.findings))


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """Invalid before unknown before valid; of no verdicts at all nothing is known."""
    seen = set(verdicts)
    for verdict in (Verdict.INVALID, Verdict.UNKNOWN, Verdict.VALID):
        if verdict in seen:
            return verdict
    return Verdict.UNKNOWN
