"""A run told as a story: who called whom, what went wrong, what was undone, and which invariant broke."""

from __future__ import annotations

from collections.abc import Iterator

from chaos.auditor.verdicts import Verdict
from chaos.explorer.run import Run
from chaos.explorer.world import Entry

_MARKS = {"fault": "⚡", "late": "☄", "process": "☠"}


def story(run: Run) -> str:
    """The run in plain text, one line for each thing that happened."""
    return "\n".join([*_heading(run), "", *map(line, run.trace), "", *_ending(run)])


def title(run: Run) -> str:
    """What the run came to, in one line: ``orphan under 1 fault in wiki``."""
    found = ", ".join(run.anomalies) or str(run.verdict)
    count = len(run.schedule.faults)
    return f"{found} under {count or 'no'} fault{'' if count == 1 else 's'} in {run.schedule.scenario}"


def never_happened(run: Run) -> str:
    """How many of the schedule's faults did not, to be added to the verdict; empty when all did."""
    all_, missed = len(run.schedule.faults), len(run.never_fired)
    return f" ({missed} of the schedule's {all_} fault{'' if all_ == 1 else 's'} never happened)" if missed else ""


def _heading(run: Run) -> Iterator[str]:
    yield title(run)
    for fault in run.schedule.faults:
        yield f"  ⚡ {fault}"
    for fault in run.never_fired:
        cannot = any(passed.point == fault.point for passed in run.passed)
        yield f"  (never happened{', for it cannot there' if cannot else ''}: {fault})"


def line(entry: Entry) -> str:
    """One thing that happened."""
    mark = _MARKS.get(entry.kind, " ")
    match entry.kind:
        case "call" | "late":
            late = " (late)" if entry.kind == "late" else ""
            detail = f" {entry.detail}" if entry.detail else ""
            said = f"{entry.source} → {entry.target}: {entry.what}{late} ─ {entry.outcome}{detail}"
        case "write":
            said = f"{entry.source} ⇒ log: {entry.what}"
        case "fault":
            said = f"{entry.outcome}: {entry.source}"
        case _:
            said = f"{entry.source} {entry.outcome}"
    return f"{entry.at:9.2f} s {mark} {said}"


def _ending(run: Run) -> Iterator[str]:
    for saga_id, state in sorted(run.states.items()):
        yield f"{saga_id} says: {state}"
    yield f"verdict: {run.verdict}{never_happened(run)}"
    for number, finding in enumerate(run.findings):
        yield f"  {finding.broken} broken, {finding}" if number == 0 else f"  and {finding.broken}, {finding}"
    if run.verdict is Verdict.UNKNOWN:
        yield from (f"  not seen: {why}" for why in run.unseen)
