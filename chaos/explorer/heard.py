"""What one participant heard in a run, as far as the trace tells: what is found there is named in its light."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from chaos.explorer.schedule import FaultKind
from chaos.explorer.world import Entry

_WAYS = {"step.started": "do", "undo.started": "undo", "confirm.started": "confirm"}


@dataclass
class Heard:
    """One participant's calls.

    Attributes:
        done: an action was answered with success.
        undone: the sagas of which a compensation was.
        overtaken: an action came in after its saga's compensation: late, or from a coordinator that had been paused.
    """

    done: bool = False
    undone: set[str | None] = field(default_factory=set)
    overtaken: bool = False
    actions: Counter[str] = field(default_factory=Counter)

    @property
    def done_twice(self) -> bool:
        """An action may have come in twice."""
        return any(count > 1 for count in self.actions.values())

    @classmethod
    def by(cls, participant: str, trace: Sequence[Entry]) -> Heard:
        """What ``participant`` heard in the run with this trace."""
        heard, sent = cls(), dict[str, str]()
        for entry, way in _calls(trace, participant):
            if entry.kind == "call" and way:
                sent.setdefault(entry.what, way)
        for entry, way in _calls(trace, participant):
            heard._take(entry, sent.get(entry.what, "do") if entry.kind == "late" else way)
        heard.actions.update(what for what in _duplicates(trace, participant) if sent.get(what, "do") == "do")
        return heard

    def _take(self, entry: Entry, way: str) -> None:
        success = entry.outcome.startswith("2")
        perhaps = not entry.outcome.startswith("4")  # who got no answer, or an error, may have been heard
        if way == "undo" and entry.kind != "late" and success:
            self.undone.add(entry.saga_id)
        elif way == "do" and perhaps:
            self.done = self.done or success
            self.overtaken = self.overtaken or entry.saga_id in self.undone
            self.actions[entry.what] += 1


def _calls(trace: Sequence[Entry], participant: str) -> Iterator[tuple[Entry, str]]:
    """The calls to the participant, reads aside, and which way their callers went by what they announced last (R1)."""
    way = dict[str, str]()
    for entry in trace:
        if entry.kind == "write":
            way[entry.source] = _way(entry.what) or way.get(entry.source, "")
        elif entry.target == participant and not entry.what.startswith("GET "):
            yield entry, way.get(entry.source, "")


def _duplicates(trace: Sequence[Entry], participant: str) -> Iterator[str]:
    """What came in once more than its caller knows."""
    for entry in trace:
        whom, _, what = entry.source.partition(": ")
        if entry.kind == "fault" and entry.outcome == FaultKind.DUPLICATE and whom.endswith(f"→ {participant}"):
            yield what


def _way(written: str) -> str:
    return next((way for event, way in _WAYS.items() if event in written), "")
