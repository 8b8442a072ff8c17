"""The promised log lines: which event is worth a line, and how it reads."""

from __future__ import annotations

from dataclasses import dataclass

from backend.saga.events import Event, EventType
from backend.saga.history import History

T = EventType


@dataclass(frozen=True)
class Line:
    """A log line without its time and level: ``[saga id] text``."""

    text: str
    warning: bool = False


def narrate(event: Event, history: History) -> list[Line]:
    """The lines for ``event``, given the history that includes it; none for events that only the log needs."""
    problem = str(event.data.get("problem"))
    match event.type:
        case T.PREPARED:
            made = ", ".join(f"{count} {what}" for what, count in event.data.items() if isinstance(count, int))
            left_out = event.data.get("skipped_documents", ())
            skipped = [Line(f"Skipped {one['doc_id']!r}: {one['reason']}", warning=True) for one in left_out]
            return [Line(f"Wiki generated: {made}"), *skipped]
        case T.BEGUN:
            return [Line(f"Saga begun with {len(history.order)} steps")]
        case T.STEP_DONE:
            return [Line(f"✓ Step completed: {event.step}")]
        case T.STEP_UNCLEAR if event.data.get("retry_at") is not None:
            return [Line(f"? No clear answer, trying again: {event.step}: {problem}", warning=True)]
        case T.STEP_UNCLEAR | T.STEP_REFUSED:
            return [
                Line(f"? {event.step}: {problem}", warning=True),
                Line(f"✗ Step failed: {event.step}", warning=True),
            ]
        case T.ROLLBACK_BEGAN:
            return [Line(f"Rolling back {history.completed} completed steps", warning=True)]
        case T.UNDO_FAILED:
            return [Line(f"? Compensation failed: {event.step}: {problem}", warning=True)]
        case T.UNDO_SKIPPED:
            return [Line(f"Compensation skipped by {event.data.get('by')}: {event.step}", warning=True)]
        case T.PARKED:
            return [Line(f"✗ Rollback stuck at: {event.step}; parked as a dead letter", warning=True)]
        case T.ROLLED_BACK if history.begun:
            return [Line("✓ Rollback successful")]
        case T.ROLLED_BACK:
            return [Line(f"✗ Generation failed before its first effect: {history.error}", warning=True)]
        case T.COMMITTED:
            return [Line(f"✓ Saga committed successfully with {history.completed} steps")]
        case T.CLAIMED if history.taken_over and (lost := event.data.get("lost")):
            return [Line(f"Taken over from {lost}, whose lease ended", warning=True)]
    return []
