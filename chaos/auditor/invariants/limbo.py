"""A3: when everything had its time, nothing is left that only an open saga may have."""

from __future__ import annotations

from chaos.auditor.facts import Leftover
from chaos.auditor.sagas import GRAPH, Saga
from chaos.auditor.verdicts import Finding, Outcome, Word
from chaos.auditor.world import World


def sagas_at_rest(world: World) -> Outcome:
    """No saga is open; every failed one has a dead letter."""
    outcome = Outcome()
    for saga in world.sagas.get().by_id.values():
        outcome.looked["sagas"] += 1
        if saga.is_open:
            last = saga.events[-1].type if saga.events else "no event"
            what = "is committed and not confirmed everywhere" if saga.is_committed else f"is {saga.state}"
            outcome.findings.append(_of_saga(Word.LIMBO, saga, f"it {what}; its last event is {last}"))
        elif saga.state == "failed" and not saga.dead_letter:
            outcome.findings.append(_of_saga(Word.STUCK, saga, "it failed and has no dead letter"))
    return outcome


def _of_saga(word: Word, saga: Saga, evidence: str) -> Finding:
    return Finding(word, "sagas", saga.project, saga.saga_id, f"saga {saga.saga_id}", evidence)


def no_pending_marks(world: World) -> Outcome:
    """No relationship is marked as pending, and the graph's own barrier waits for nobody."""
    outcome, graph = Outcome(), world.graph.get()
    pending: dict[tuple[str | None, str], int] = {}
    for row in graph.relationships:
        outcome.looked["relationships"] += 1
        if row.pending:
            pending[row.project, row.saga_id] = pending.get((row.project, row.saga_id), 0) + 1
    for (project, saga_id), count in pending.items():
        evidence = f"{count} relationships are marked as pending for it"
        outcome.findings.append(
            _held(world, Leftover(GRAPH, "pending marks", f"saga {saga_id}", project, saga_id), evidence)
        )
    for project, saga_id in graph.open_barriers:
        evidence = "the graph's barrier record still waits for its confirm or undo"
        outcome.findings.append(_held(world, Leftover(GRAPH, "locks", f"saga {saga_id}", project, saga_id), evidence))
    return outcome


def nothing_left_over(world: World) -> Outcome:
    """No lock, no undo data, no temporary file at a participant that keeps its data on disk."""
    facts = world.leftovers.get()
    outcome = Outcome()
    outcome.looked["participants' records"] = facts.records
    for left in facts.leftovers:
        evidence = f"{left.participant} has {left.kind} left" + (f" of saga {left.saga_id}" if left.saga_id else "")
        outcome.findings.append(_held(world, left, evidence))
    return outcome


def _held(world: World, held: Leftover, evidence: str) -> Finding:
    """What a dead letter holds is stuck, everything else hangs in limbo."""
    saga = world.sagas.get().by_id.get(held.saga_id or "")
    state = f"; the saga is {saga.state}" if saga else ""
    word = Word.STUCK if saga and saga.state == "failed" else Word.LIMBO
    return Finding(word, held.kind, held.project, held.saga_id, held.subject, evidence + state)
