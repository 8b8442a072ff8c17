"""A4: what clients were told holds against the log, and what they count on is there."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from chaos.auditor.facts import Told
from chaos.auditor.invariants import files, relationships, snapshots
from chaos.auditor.sagas import Saga, Sagas
from chaos.auditor.verdicts import Finding, Outcome, Word
from chaos.auditor.world import World

NO_JOURNAL = "no journal of what clients were told was given: the commit records stand for it (R8)"
_TAKEN = (Word.LOST_UPDATE, Word.DIRTY_READ)


def told_is_so(world: World) -> Outcome:
    """Every answer in the journal agrees with the log."""
    outcome = Outcome()
    if world.journal is None:
        outcome.notes.append(NO_JOURNAL)
        return outcome
    sagas = world.sagas.get()
    for told in world.journal.get():
        outcome.looked["answers to clients"] += 1
        outcome.findings += _check(sagas, told)
    return outcome


def _check(sagas: Sagas, told: Told) -> Iterator[Finding]:
    saga = sagas.by_id.get(told.saga_id)
    if told.status != "success":
        if saga is not None and saga.is_committed:
            yield _finding(Word.FALSE_COMPENSATED, told, "the client was told that it failed, and it is committed")
    elif saga is None:
        yield _finding(Word.LOST_UPDATE, told, "the client was told of its success, and the log does not know it")
    elif not saga.is_committed:
        yield _finding(Word.FALSE_COMMITTED, told, f"the client was told of its success, and it is {saga.state}")
    else:
        yield from _same_effects(saga, told)


def _same_effects(saga: Saga, told: Told) -> Iterator[Finding]:
    if told.snapshot_id not in (None, saga.snapshot_id):
        seen = f"the client was told of snapshot {told.snapshot_id}, the log has {saga.snapshot_id}"
        yield _finding(Word.LOST_UPDATE, told, seen)
    for name, sha256 in told.files.items():
        if saga.files.get(name) != sha256:
            seen = f"the client counts on {name} with {sha256}, the saga meant {saga.files.get(name, 'no such file')}"
            yield _finding(Word.LOST_UPDATE, told, seen)
            return


def _finding(word: Word, told: Told, evidence: str) -> Finding:
    where = f"line {told.line} of the journal"
    return Finding(word, "answers", told.project, told.saga_id, f"saga {told.saga_id}", f"{evidence} ({where})")


def files_are_there(world: World) -> Outcome:
    """The files of a saga that a client counts on have its bytes, unless a later committed saga replaced them."""
    outcome, promised = Outcome(), _promised(world)
    for project, name, story, actual in files.walk(world):
        owner = story.owner
        if owner is None or not owner.is_committed or owner.saga_id not in promised:
            continue
        outcome.looked["promised files"] += 1
        if actual != story.sha256:
            seen = f"committed saga {owner.saga_id} wrote {story.sha256}, and there is {actual or 'no file'}"
            outcome.findings.append(Finding(Word.LOST_UPDATE, "files", project, owner.saga_id, name, seen))
    return outcome


def snapshots_are_there(world: World) -> Outcome:
    """The snapshots that clients count on are on main, with their bytes."""
    return _of_promised(world, "promised snapshots", snapshots.atomic, lambda saga: saga.snapshot_id is not None)


def relationships_are_there(world: World) -> Outcome:
    """The relationships that clients count on are in the graph."""
    check = relationships.atomic
    return _of_promised(world, "sagas with promised relationships", check, lambda saga: saga.relationships is not None)


def _of_promised(
    world: World, what: str, check: Callable[[World], Outcome], concerns: Callable[[Saga], bool]
) -> Outcome:
    """What A1 finds missing, where a client counts on it."""
    promised, seen = _promised(world), check(world)
    outcome = Outcome(unseen=seen.unseen)
    outcome.looked[what] = sum(map(concerns, promised.values()))
    outcome.findings = [finding for finding in seen.findings if finding.saga_id in promised and finding.word in _TAKEN]
    return outcome


def _promised(world: World) -> dict[str, Saga]:
    """The committed sagas that clients were told of; without a journal every committed one."""
    sagas = world.sagas.get()
    ids: Iterable[str] = (saga.saga_id for saga in sagas.committed)
    if world.journal is not None:
        ids = (told.saga_id for told in world.journal.get() if told.status == "success")
    found = {saga_id: sagas.by_id[saga_id] for saga_id in ids if saga_id in sagas.by_id}
    return {saga_id: saga for saga_id, saga in found.items() if saga.is_committed}
