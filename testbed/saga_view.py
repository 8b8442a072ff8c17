"""Sagas and their events as lines for people."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from types import MappingProxyType

from rich.table import Table
from rich.text import Text

from chaos.experiments.client import Json

COLOUR: Mapping[str, str] = MappingProxyType(
    {
        "committed": "green",
        "rolled_back": "yellow",
        "rolling_back": "yellow",
        "failed": "red",
    }
)
_PLAIN = (str, int, float)
_TIMES = ("deadline", "retry_at")  # wall-clock seconds
_BAD = ("refused", "unclear", "failed", "parked", "rollback_began", "rolled_back")


def event_line(event: Json, began: float) -> Text:
    """One event: seconds since the first one, what happened, at which step, and the plain values it carries."""
    kind = event["type"]
    line = Text(f"{event['at'] - began:7.2f} s  ", style="dim")
    line.append(f"{kind:22}", style="red" if kind.endswith(_BAD) else "default")
    line.append(f" {event['step'] or ''}", style="bold")
    plain = [_word(name, value, event["at"]) for name, value in event["data"].items() if isinstance(value, _PLAIN)]
    return line.append(f"  {', '.join(plain)}".rstrip(), style="dim")


def _word(name: str, value: str | float, now: float) -> str:
    return f"{name} in {float(value) - now:.1f} s" if name in _TIMES else f"{name} {value}"


def outcome(saga: Json) -> str:
    """What became of a saga, in one line, with what to do next."""
    saga_id, state = saga["saga_id"], saga["state"]
    if state == "committed":
        files = [f"{saga['files_created']} files"] if "files_created" in saga else []
        snapshot = [f"snapshot {saga['snapshot_id']}"] if "snapshot_id" in saga else []
        made = ", ".join(files + snapshot)
        return f"{saga_id} is committed" + (f": {made}" if made else "")
    reason = f": {saga['error']}" if saga.get("error") else ""
    if state == "failed":
        stuck = f"{saga_id} is stuck in its rollback{reason}; next:"
        if _is_inline(saga):
            return f"{stuck} execute it again in its own process, if need be after testbed sagas skip"
        return f"{stuck} testbed sagas retry|skip {saga_id} --reason ..."
    return f"{saga_id} is {state}{reason}"


def without_promise(saga: Json, events: Iterable[Json]) -> list[Json]:
    """The events, without the time of a next try by itself when nobody will make it."""
    if not _is_inline(saga):
        return list(events)
    return [
        event | {"data": event["data"] | {"retry_at": None}} if event["type"] == "saga.parked" else event
        for event in events
    ]


def _is_inline(saga: Json) -> bool:
    return saga.get("saga_type") == "inline"  # it runs in its caller's process: no worker takes it up


def left_out(saga: Json) -> list[str]:
    """The documents that a generation had to leave out, a line each; the log keeps the first of them."""
    made = saga.get("generated", {})
    named = [f"skipped {one['doc_id']}: {one['reason']}" for one in made.get("skipped_documents", ())]
    more = made.get("skipped", 0) - len(named)
    return [*named, f"and {more} more: the wiki's index.md names all"] if more else named


def saga_table(sagas: Iterable[Json]) -> Table:
    """A list of sagas."""
    table = Table(box=None, pad_edge=False)
    table.add_column("saga", overflow="fold")  # an id that was cut could not be copied
    for heading in ("project", "state", "asked for", "last event after"):
        table.add_column(heading, no_wrap=True)
    for saga in sagas:
        asked = datetime.fromtimestamp(saga["created_at"]).astimezone()
        after = saga["updated_at"] - saga["created_at"]
        state = Text(saga["state"], style=COLOUR.get(saga["state"], "default"))
        table.add_row(saga["saga_id"], saga["project_id"], state, f"{asked:%Y-%m-%d %H:%M:%S}", f"{after:.2f} s")
    return table


def step_table(saga: Json) -> Table:
    """A saga's steps."""
    table = Table(box=None, pad_edge=False)
    table.add_column("step")
    table.add_column("state")
    for step in saga["steps"]:
        table.add_row(step["name"], step["state"])
    return table
