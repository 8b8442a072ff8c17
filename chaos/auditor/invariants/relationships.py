"""A1 and A2 for the graph: relationships by the saga that they carry, and pages that nothing refers to."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator

from chaos.auditor.facts import Relationship
from chaos.auditor.invariants.effects import undo_story, word_of
from chaos.auditor.sagas import GRAPH, Saga
from chaos.auditor.verdicts import Finding, Outcome, Word
from chaos.auditor.world import World


def digest(relationships: Iterable[Relationship]) -> str:
    """The digest of docs/saga-log.md over these relationships."""
    lines = sorted({f"{row.source}\t{row.kind}\t{row.target}" for row in relationships})
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def atomic(world: World) -> Outcome:
    """A1: a committed saga's relationships are there, each once; a rolled-back saga has none."""
    outcome = Outcome()
    by_saga: dict[str, list[Relationship]] = {}
    for row in world.graph.get().relationships:
        by_saga.setdefault(row.saga_id, []).append(row)
        outcome.looked["relationships"] += 1
    for saga in world.sagas.get().by_id.values():
        found = by_saga.get(saga.saga_id, [])
        if saga.is_committed and saga.relationships is not None:
            outcome.findings += _of_committed(saga, saga.relationships, found)
        elif saga.state == "rolled_back" and found:
            seen = (
                f"{len(found)} of its relationships are there ({undo_story(saga, GRAPH)}), the first {_named(found[0])}"
            )
            outcome.findings.append(_finding(word_of(saga, GRAPH), saga, f"saga {saga.saga_id}", seen))
    return outcome


def _of_committed(saga: Saga, intended: tuple[int, str], found: list[Relationship]) -> Iterator[Finding]:
    count, expected = intended
    subject = f"saga {saga.saga_id}"
    same = Counter((row.project, row.source, row.kind, row.target, row.evidence) for row in found)
    twice = [row for row in found if same[row.project, row.source, row.kind, row.target, row.evidence] > 1]
    if twice and len(found) > count:
        yield _finding(
            Word.DOUBLE_EFFECT, saga, subject, f"it saved {count}, and {len(found)} are there; {_named(twice[0])}"
        )
        return
    strayed = next((row for row in found if row.project != saga.project), None)
    if strayed is not None:
        yield _finding(Word.LOST_UPDATE, saga, subject, f"{_named(strayed)} is in project {strayed.project}")
    if (actual := digest(found)) != expected:
        seen = f"it saved {count} relationships with digest {expected}; {len(found)} with digest {actual} are there"
        yield _finding(Word.LOST_UPDATE, saga, subject, seen)


def no_orphans(world: World) -> Outcome:
    """A2: every relationship belongs to a committed saga or carries none; no page was left behind by a saga."""
    graph, sagas = world.graph.get(), world.sagas.get()
    outcome = Outcome()
    outcome.looked["relationships"] = len(graph.relationships) + graph.without_saga
    for row in graph.relationships:
        saga = sagas.by_id.get(row.saga_id)
        if saga is None or not saga.is_committed:
            why = f"is {saga.state} ({undo_story(saga, GRAPH)})" if saga else "is in no log"
            evidence = f"saga {row.saga_id} {why}"
            outcome.findings.append(
                Finding(Word.ORPHAN, "relationships", row.project, row.saga_id, _named(row), evidence)
            )
    for project, name, made_by in graph.lonely_pages:
        outcome.looked["pages that nothing refers to"] += 1
        if made_by is not None:  # a page of no saga was put there without one
            evidence = f"saga {made_by} made this page, and nothing refers to it"
            outcome.findings.append(Finding(Word.ORPHAN, "pages", project, made_by, name, evidence))
    return outcome


def _named(row: Relationship) -> str:
    return f"({row.source})-[{row.kind}]->({row.target})"


def _finding(word: Word, saga: Saga, subject: str, evidence: str) -> Finding:
    return Finding(word, "relationships", saga.project, saga.saga_id, subject, evidence)
