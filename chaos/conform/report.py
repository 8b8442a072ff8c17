"""What a run found: a verdict for every check, with the evidence, and one for the server."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from chaos.auditor.report import EXIT_STATUS
from chaos.auditor.verdicts import Verdict, worst
from chaos.conform.evidence import Exchange
from chaos.conform.registry import Check


@dataclass(frozen=True)
class Result:
    """One check, judged.

    Attributes:
        verdict: None: the server was never said to do this, and is not judged by it.
        said: why it is not valid, or not judged.
    """

    check: Check
    verdict: Verdict | None
    said: str = ""
    evidence: tuple[Exchange, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """As JSON values."""
        invalid = self.verdict is Verdict.INVALID
        return {
            "name": self.check.name,
            "sentence": self.check.sentence,
            "rule": self.check.rule,
            "verdict": str(self.verdict or "not claimed"),
            "said": self.said,
            "suffers": self.check.suffers if invalid else None,
            "mend": self.check.mend if invalid else None,
            "evidence": [asdict(exchange) for exchange in self.evidence],
        }


@dataclass(frozen=True)
class Report:
    """One run of the kit.

    Attributes:
        left: what could not be cleaned up, one sentence each.
    """

    url: str
    prefix: str
    seed: int
    rounds: int
    results: tuple[Result, ...]
    left: tuple[str, ...]
    requests: int
    seconds: float

    @property
    def verdict(self) -> Verdict:
        """The worst of all checks that the server is judged by."""
        return worst(result.verdict for result in self.results if result.verdict is not None)

    @property
    def exit_status(self) -> int:
        """0 valid, 1 invalid, 2 unknown."""
        return EXIT_STATUS[self.verdict]

    def named(self, verdict: Verdict | None) -> set[str]:
        """The names of the checks with this verdict."""
        return {result.check.name for result in self.results if result.verdict is verdict}

    def to_json(self) -> dict[str, Any]:
        """The whole report as JSON values."""
        return {
            "verdict": str(self.verdict),
            "url": self.url,
            "prefix": self.prefix,
            "seed": self.seed,
            "rounds": self.rounds,
            "checks": [result.to_json() for result in self.results],
            "left": list(self.left),
            "requests": self.requests,
            "seconds": round(self.seconds, 3),
        }
