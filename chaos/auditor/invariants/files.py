"""A1 and A2 for files on disk."""

from __future__ import annotations

from collections.abc import Iterator

from chaos.auditor.invariants.effects import undo_story, word_of
from chaos.auditor.invariants.file_story import FileStory, tell_stories
from chaos.auditor.sagas import FILESYSTEM, Saga
from chaos.auditor.verdicts import Finding, Outcome, Word
from chaos.auditor.world import World


def atomic(world: World) -> Outcome:
    """A1: committed files are there; what a rolled-back saga replaced is back, and what it wrote is gone."""
    outcome = Outcome(unseen=list(world.files.get().unreadable))
    for project, name, story, actual in walk(world):
        outcome.looked["files that sagas name"] += 1
        if finding := _not_atomic(project, name, story, actual):
            outcome.findings.append(finding)
    return outcome


def _not_atomic(project: str, name: str, story: FileStory, actual: str | None) -> Finding | None:
    if story.known and actual == story.sha256:
        return None
    if orphan_of := story.culprit(actual):
        seen = f"has what saga {orphan_of.saga_id} wrote, which is {orphan_of.state} "
        seen += f"({undo_story(orphan_of, FILESYSTEM)}); {_must_be(story)}"
        if orphan_of.state == "rolled_back":
            return _finding(word_of(orphan_of, FILESYSTEM), project, orphan_of, name, seen)
        # It does not claim to be rolled back: A2 and A3 speak of it, A1 of the committed saga that it overwrote.
        if story.owner is None or not story.owner.is_committed:
            return None
        return _finding(Word.LOST_UPDATE, project, story.owner, name, seen)
    if not story.known or story.owner is None or (story.sha256 is None and actual is not None):
        return None  # nobody's saga claims these bytes: put there without one
    seen = "is not there; " if actual is None else f"has sha256 {actual}, which no saga meant to write; "
    intruder = story.last_intruder()
    if intruder is not None and intruder.state != "rolled_back":
        intruder = None
    word = Word.LOST_COMPENSATION if intruder else Word.LOST_UPDATE
    return _finding(word, project, intruder or story.owner, name, seen + _must_be(story))


def _must_be(story: FileStory) -> str:
    if not story.known or story.owner is None:
        return "nothing says that this was there before"
    if story.owner.is_committed:
        return f"committed saga {story.owner.saga_id} wrote {story.sha256}"
    if story.sha256 is None:
        return f"saga {story.owner.saga_id} found no file there"
    return f"saga {story.owner.saga_id} found {story.sha256} there, which must be back"


def no_orphans(world: World) -> Outcome:
    """A2: every file belongs to a committed saga or was put there without one."""
    outcome = Outcome(unseen=list(world.files.get().unreadable))
    outcome.looked["files on disk"] = sum(len(files) for files in world.files.get().projects.values())
    for project, name, story, actual in walk(world):
        if orphan_of := story.culprit(actual):
            evidence = f"saga {orphan_of.saga_id} is {orphan_of.state} ({undo_story(orphan_of, FILESYSTEM)}); "
            outcome.findings.append(_finding(Word.ORPHAN, project, orphan_of, name, evidence + _must_be(story)))
    return outcome


def walk(world: World) -> Iterator[tuple[str, str, FileStory, str | None]]:
    """Every file that a saga names: project, name, story, and the sha256 on disk."""
    on_disk = world.files.get().projects
    for project, sagas in world.sagas.get().by_project.items():
        files = on_disk.get(project, {})
        for name, story in tell_stories(sagas).items():
            yield project, name, story, files.get(name)


def _finding(word: Word, project: str, saga: Saga, name: str, evidence: str) -> Finding:
    return Finding(word, "files", project, saga.saga_id, name, evidence)
