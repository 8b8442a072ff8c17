"""One schedule, run again: in simulation, and over real processes."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from chaos.auditor.verdicts import Verdict
from chaos.explorer.report import findings_to_json
from chaos.explorer.run import Run, Stage
from chaos.explorer.schedule import Schedule
from chaos.explorer.world import Entry


@dataclass(frozen=True)
class Replay:
    """What came of one schedule in one world or in both.

    Attributes:
        real: None when it was run in simulation only.
    """

    simulated: Run
    real: Run | None = None

    @property
    def agree(self) -> bool:
        """Whether both worlds say the same of it."""
        return self.real is None or self.real.verdict is self.simulated.verdict

    @property
    def same_trace(self) -> bool:
        """Whether the same things happened in the same order, at the same time, with the same outcomes."""
        return self.real is None or self.real.trace == self.simulated.trace

    @property
    def verdict(self) -> Verdict:
        """Of a schedule about which the worlds differ nothing is known."""
        return self.simulated.verdict if self.agree else Verdict.UNKNOWN

    def to_json(self) -> dict[str, Any]:
        """Its form is stable."""
        return {
            "verdict": str(self.verdict),
            "never_happened": len(self.simulated.never_fired),
            "schedule": self.simulated.schedule.to_json(),
            "simulated": _to_json(self.simulated),
            "real": None if self.real is None else _to_json(self.real),
            "agree": self.agree,
            "same_trace": self.same_trace,
        }


def read_schedule(path: Path) -> Schedule:
    """The schedule in a file.

    Raises:
        OSError: it cannot be read.
        ValueError: it holds none; the message names the field.
    """
    try:
        data = json.loads(path.read_bytes())
    except ValueError as error:
        raise ValueError(f"this is no JSON: {error}") from None
    return Schedule.from_json(data)


def replay(stage: Stage, schedule: Schedule, *, real: bool = False) -> Replay:
    """Run ``schedule`` on the stage and, if ``real``, over processes that are started for it.

    Raises:
        CannotStart: one of the processes did not come up.
    """
    simulated = stage.run(schedule)
    if not real:
        return Replay(simulated)
    from chaos.explorer.real.stage import on_real_stage

    with on_real_stage(stage) as processes:
        return Replay(simulated, processes.run(schedule))


def first_difference(replay: Replay) -> tuple[Entry | None, Entry | None] | None:
    """Where the two traces part: what happened in simulation and for real; None: nowhere."""
    if replay.real is None or replay.same_trace:
        return None
    ours, theirs = replay.simulated.trace, replay.real.trace
    same = next((n for n, pair in enumerate(zip(ours, theirs, strict=False)) if pair[0] != pair[1]), None)
    at = min(len(ours), len(theirs)) if same is None else same
    return (ours[at] if at < len(ours) else None, theirs[at] if at < len(theirs) else None)


def _to_json(run: Run) -> dict[str, Any]:
    return {
        "verdict": str(run.verdict),
        "findings": findings_to_json(run),
        "unseen": list(run.unseen),
        "states": run.states,
        "never_fired": [str(fault) for fault in run.never_fired],
        "trace": [asdict(entry) for entry in run.trace],
    }
