"""What runs say of themselves, as bytes: the same in another process, or the explorer is not deterministic."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterable

from chaos.explorer.registry import scenario_of
from chaos.explorer.run import Run, Stage, on_stage
from chaos.explorer.search import random_schedule


def run_bytes(run: Run) -> bytes:
    """Everything that a run says of itself, as bytes."""
    said = (run.schedule.to_json(), run.verdict, run.findings, run.unseen, run.trace, run.passed, run.fired, run.states)
    return repr(said).encode()


def digests(stage: Stage, seeds: Iterable[int]) -> list[str]:
    """One digest for each seed, of all the runs by which its random schedule comes about."""
    return [hashlib.sha256(b"".join(map(run_bytes, random_schedule(stage, seed)))).hexdigest() for seed in seeds]


def main() -> None:
    """Print the digests of the first N seeds of a scenario: ``python -m tests.integration.explorer_stages wiki 10``."""
    with on_stage(scenario_of(sys.argv[1])) as stage:
        print("\n".join(digests(stage, range(int(sys.argv[2])))))


if __name__ == "__main__":
    main()
