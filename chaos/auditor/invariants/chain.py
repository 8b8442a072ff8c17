"""A5: the log is what was written: every event's hash follows from the one before it (docs/saga-log.md)."""

from __future__ import annotations

import hashlib
import json

from chaos.auditor.facts import LogEvent, SagaLogFacts
from chaos.auditor.sagas import Saga
from chaos.auditor.verdicts import Finding, Outcome, Word
from chaos.auditor.world import World

GAPS = (
    "PostgreSQL leaves gaps between positions by itself, so a whole history that was removed with its row is not"
    " seen in the log; what its saga did stands out as orphans (A2)"
)


def histories_are_as_written(world: World) -> Outcome:
    """Each saga's chain from its first event to the head that its row keeps, and no position of the log left out.

    Where the database leaves gaps by itself a missing position proves nothing. A log without hashes (of version 1, or a
    stranger's) is not judged here.
    """
    outcome, log = Outcome(), world.log.get()
    if not log.chained:
        return outcome
    for saga in world.sagas.get().by_id.values():
        outcome.looked["chains"] += 1
        if evidence := _first_break(saga):
            outcome.findings.append(
                Finding(Word.TAMPERED, "histories", saga.project, saga.saga_id, f"saga {saga.saga_id}", evidence)
            )
    if not log.gapless:
        outcome.notes.append(GAPS)
    elif evidence := _gap(log):
        outcome.findings.append(Finding(Word.TAMPERED, "histories", None, None, "the log", evidence))
    return outcome


def _first_break(saga: Saga) -> str | None:
    link = hashlib.sha256(saga.saga_id.encode()).hexdigest()
    for place, event in enumerate(saga.events, start=1):
        named = f"event {event.seq} ({event.type}, position {event.position})"
        if event.seq != place:
            return f"{named} stands where event {place} should: one was deleted, added or moved"
        link = _next_link(link, event)
        if event.hash != link:
            return (
                f"{named} is not what was written there: its hash is {_short(event.hash)} and should be {_short(link)}"
            )
    if saga.row is None:
        return "its row in the table sagas is gone"
    if saga.row.head != link:
        return (
            f"the history ends with event {len(saga.events)}, whose hash is {_short(link)}, "
            f"and its row says that the last one's is {_short(saga.row.head)}: events were cut off or added"
        )
    return None


def _next_link(previous: str, event: LogEvent) -> str:
    told = [event.seq, event.type, event.step, event.at, event.data]
    line = json.dumps(told, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(f"{previous}\n{line}".encode()).hexdigest()


def _gap(log: SagaLogFacts) -> str | None:
    """SQLite gives positions out without gaps, so a whole history that is gone leaves one."""
    for place, position in enumerate(sorted(event.position for event in log.events), start=1):
        if position != place:
            return f"position {place} is missing: the next event is at {position}"
    return None


def _short(link: str | None) -> str:
    return f"{link[:12]}…" if link else "missing"
