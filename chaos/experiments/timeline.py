"""What happened when in one run: faults and sagas, read from the evidence that it left."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

JOURNAL, OUTCOME, SAGA_EVENTS = "journal.json", "outcome.json", "saga-events.jsonl"
ENDED_BY = {
    "toxic": ("let_through", "heal"),
    "toxic_everywhere": ("let_through", "heal"),
    "http_fault": ("let_through", "heal"),
    "link_down": ("link_up", "heal"),
    "kill": ("start", "heal"),
    "pause": ("resume", "heal"),
    "fill_disk": ("empty_disk", "heal"),
    "make_read_only": ("make_writable", "start_with_common_mounts", "heal"),
}
"""Actions that begin a fault, and those that end it."""
FOR_THEMSELVES = (
    *("flap", "bursts", "each_link_down", "kill_each", "pause_each"),
    *("restart_everything", "rotate_keys", "operate"),
)
"""Faults that end with their own action."""
_STATE_AFTER = {
    "saga.rollback_began": "rolling back",
    "saga.rolled_back": "rolled back",
    "saga.committed": "committed",
    "saga.parked": "parked",
    "saga.retry_requested": "rolling back",
}


@dataclass(frozen=True)
class Bar:
    """Something that lasted: ``kind`` is ``fault`` or a saga's state; Unix seconds."""

    kind: str
    began: float
    ended: float


@dataclass(frozen=True)
class Row:
    """One fault or one saga, as bars one after the other."""

    name: str
    bars: tuple[Bar, ...]


@dataclass(frozen=True)
class Evidence:
    """One run: its name, claim and verdict, and what happened when."""

    name: str
    claim: str
    verdict: str
    why: str
    began: float
    ended: float
    faults: tuple[Row, ...]
    sagas: tuple[Row, ...]
    folder: Path


def read_evidence(folder: Path) -> Evidence:
    """The run that left ``folder``.

    Raises:
        OSError, ValueError, KeyError: it is not whole.
    """
    outcome, journal = json.loads((folder / OUTCOME).read_text()), json.loads((folder / JOURNAL).read_text())
    events = [json.loads(line) for line in (folder / SAGA_EVENTS).read_text().splitlines()]
    began, ended = _seconds(journal["start"]), _seconds(journal["end"])
    faults = tuple(_faults(journal.get("run", ()), ended))
    said = {key: outcome[key] for key in ("name", "claim", "verdict", "why")}
    return Evidence(**said, began=began, ended=ended, faults=faults, sagas=tuple(sagas_of(events)), folder=folder)


def _faults(activities: Iterable[Mapping[str, Any]], end: float) -> Iterator[Row]:
    runs = [(run, run["activity"]["provider"]["func"]) for run in activities]
    for place, (run, function) in enumerate(runs):
        began, ended = _seconds(run["start"]), _seconds(run["end"])
        if function in ENDED_BY:
            later = (_seconds(other["start"]) for other, ends in runs[place + 1 :] if ends in ENDED_BY[function])
            ended = next(later, end)
        elif function not in FOR_THEMSELVES:
            continue
        yield Row(run["activity"]["name"], (Bar("fault", began, ended),))


def sagas_of(events: Iterable[Mapping[str, Any]]) -> Iterator[Row]:
    """One row a saga, from the events of many in the order of the log."""
    by_saga: dict[str, list[Mapping[str, Any]]] = {}
    for event in events:
        by_saga.setdefault(event["saga_id"], []).append(event)
    return (Row(saga_id, tuple(_bars(found))) for saga_id, found in by_saga.items())


def _bars(events: list[Mapping[str, Any]]) -> Iterator[Bar]:
    """One bar for each state that the saga was in."""
    state, since = "executing", events[0]["at"]
    for event in events:
        after = _STATE_AFTER.get(event["type"], state)
        if after != state:
            yield Bar(state, since, event["at"])
            state, since = after, event["at"]
    yield Bar(state, since, events[-1]["at"])


def _seconds(moment: str) -> float:
    return datetime.fromisoformat(moment).timestamp()
