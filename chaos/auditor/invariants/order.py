"""A5: every history keeps the rules: intent before effect (R1), undo in reverse (R4, R5), confirm after commit (R8)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from chaos.auditor.facts import LogEvent
from chaos.auditor.sagas import Saga
from chaos.auditor.verdicts import Finding, Outcome, Word
from chaos.auditor.world import World


def histories_keep_the_rules(world: World) -> Outcome:
    """Each saga's events, one after the other."""
    outcome = Outcome()
    for saga in world.sagas.get().by_id.values():
        outcome.looked["histories"] += 1
        outcome.looked["events"] += len(saga.events)
        outcome.findings += _record_is_sound(saga)
        outcome.findings += _Reader(saga).read()
    return outcome


def effects_have_an_intent(world: World) -> Outcome:
    """R1 from the other side: what is in the graph or in a repository was intended by the saga that it names."""
    outcome, sagas = Outcome(), world.sagas.get()
    found = {(row.saga_id, "a relationship") for row in world.graph.get().relationships}
    for repository in world.repositories.get().values():
        found |= {(commit.saga_id, "a snapshot") for commit in repository.commits if commit.saga_id}
    outcome.looked["sagas with effects"] = len({saga_id for saga_id, _ in found})
    for saga_id, what in sorted(found):
        if (saga := sagas.by_id.get(saga_id)) is not None and saga.begun is None:
            seen = f"{what} names it, and the log has no saga.begun that intends it"
            outcome.findings.append(_finding(Word.WRONG_ORDER, saga, seen))
    return outcome


def _record_is_sound(saga: Saga) -> Iterator[Finding]:
    seqs = [event.seq for event in saga.events]
    if seqs != list(range(1, len(seqs) + 1)):
        gap = next((place for place, seq in enumerate(seqs, start=1) if seq != place), len(seqs))
        yield _finding(
            Word.CORRUPT, saga, f"its events are not numbered 1, 2, ...: number {gap} is missing or repeated"
        )
    row = saga.row
    if row is None:
        return
    told, row_says = (saga.state, saga.closed, len(seqs)), (row.state, row.closed, row.last_seq)
    if told != row_says:
        yield _finding(
            Word.CORRUPT,
            saga,
            f"its events amount to (state, closed, events) {told}, and the table sagas says {row_says}",
        )


@dataclass
class _Reader:
    """Reads one history from its begin to its end and tells where it leaves the rules."""

    saga: Saga
    started: set[str] = field(default_factory=set)
    done: set[str] = field(default_factory=set)
    undoing: set[str] = field(default_factory=set)
    undone: set[str] = field(default_factory=set)
    confirming: set[str] = field(default_factory=set)
    begun: bool = False
    rolling_back: bool = False
    committed: bool = False
    closed: bool = False

    def read(self) -> Iterator[Finding]:
        for event in self.saga.events:
            for word, complaint in self._complaints(event):
                yield _finding(word, self.saga, f"event {event.seq}, {_named(event)}: {complaint}")
            self._take(event)

    def _complaints(self, event: LogEvent) -> Iterable[tuple[Word, str]]:
        if self.closed:
            return [(Word.WRONG_ORDER, "the saga was closed already")]
        match event.type:
            case "step.started":
                return self._on_start(event.step or "")
            case "step.done" if event.step not in self.started:
                return [(Word.WRONG_ORDER, "it is done and was never started")]
            case "undo.started" | "undo.done" if event.step not in self.undoing:
                return self._on_undo(event.step or "")
            case "saga.rolled_back":
                return self._on_rolled_back()
            case "saga.committed":
                return self._on_commit()
            case "confirm.started" | "confirm.done" | "saga.finished" if not self.committed:
                return [(Word.WRONG_ORDER, "there is no commit record before it (R8)")]
            case "saga.finished" if self.confirming:
                return [(Word.WRONG_ORDER, f"{_list(self.confirming)} was never confirmed")]
            case "saga.rollback_began" if self.committed:
                return [(Word.WRONG_ORDER, "a committed saga only goes forward (R8)")]
        return []

    def _on_start(self, step: str) -> Iterator[tuple[Word, str]]:
        if not self.begun:
            yield Word.WRONG_ORDER, "no begin record names its intent before it (R1)"
        elif step not in self.saga.groups:
            yield Word.WRONG_ORDER, "the begin record does not name this step (R1)"
        if self.rolling_back:
            yield Word.WRONG_ORDER, "the saga was already rolling back"
        early = {other for other in self._steps_before(step) if other not in self.done}
        if early and step in self.saga.groups and not self.rolling_back:
            yield Word.WRONG_ORDER, f"{_list(early)} comes before it and was not done"

    def _steps_before(self, step: str) -> Iterator[str]:
        groups = self.saga.groups
        return (other for other, group in groups.items() if group < groups.get(step, 0))

    def _on_undo(self, step: str) -> Iterator[tuple[Word, str]]:
        if not self.rolling_back:
            yield Word.WRONG_ORDER, "the log does not say that the saga rolls back"
        groups = self.saga.groups
        to_undo = self.started - self.undone - self.saga.without_undo
        late = {other for other in to_undo if groups.get(other, 0) > groups.get(step, 0)}
        if late and step in groups:
            yield Word.WRONG_ORDER, f"{_list(late)} was started after it and is not undone yet (R5)"

    def _on_rolled_back(self) -> Iterator[tuple[Word, str]]:
        """Only steps with an intent at a participant must be undone: others may have nothing to undo."""
        at_participants = {step for step in self.started if self.saga.intents.get(step, {}).get("participant")}
        must = at_participants - self.saga.without_undo
        if forgotten := must - self.undone:
            yield Word.FALSE_COMPENSATED, f"{_list(forgotten)} was started, and no undo of it was answered (R4)"

    def _on_commit(self) -> Iterator[tuple[Word, str]]:
        before = {step for step, kind in self.saga.kinds.items() if kind != "retriable"}
        if missing := before - self.done:
            yield Word.FALSE_COMMITTED, f"{_list(missing)} was not done"
        if self.rolling_back:
            yield Word.WRONG_ORDER, "the saga was rolling back"

    def _take(self, event: LogEvent) -> None:
        step = event.step or ""
        match event.type:
            case "saga.begun":
                self.begun = True
            case "step.started":
                self.started.add(step)
            case "step.done":
                self.done.add(step)
            case "saga.rollback_began":
                self.rolling_back = True
            case "undo.started":
                self.undoing.add(step)
            case "undo.done" | "undo.skipped":
                self.undone.add(step)
            case "saga.committed":
                self.committed = True
            case "confirm.started":
                self.confirming.add(step)
            case "confirm.done":
                self.confirming.discard(step)
            case "saga.rolled_back" | "saga.finished":
                self.closed = True


def _named(event: LogEvent) -> str:
    return f"{event.type} ({event.step})" if event.step else event.type


def _list(steps: Iterable[str]) -> str:
    return ", ".join(sorted(steps))


def _finding(word: Word, saga: Saga, evidence: str) -> Finding:
    return Finding(word, "histories", saga.project, saga.saga_id, f"saga {saga.saga_id}", evidence)
