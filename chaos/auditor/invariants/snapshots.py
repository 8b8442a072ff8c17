"""A1 and A2 for snapshots: commits, the refs that lead to them, and the repositories as a whole."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from chaos.auditor.facts import CommitFacts, RepositoryFacts
from chaos.auditor.invariants.effects import undo_story, word_of
from chaos.auditor.sagas import GIT, Saga, Sagas, snapshot_id_of
from chaos.auditor.verdicts import Finding, Outcome, Word
from chaos.auditor.world import World

NOTHING = RepositoryFacts()


def atomic(world: World) -> Outcome:
    """A1: a committed saga has one snapshot on main, of exactly its bytes; a rolled-back saga has none."""
    outcome = _unseen(world)
    sagas = world.sagas.get()
    for project, repository in _repositories(world):
        outcome.looked["repositories"] += 1
        outcome.looked["snapshots"] += len(repository.commits)
        outcome.findings += [
            Finding(Word.CORRUPT, "snapshots", project, None, "git fsck --strict", complaint)
            for complaint in repository.complaints
        ]
        commits = _commits_of_sagas(sagas, repository)
        for saga in sagas.by_project.get(project, ()):
            found = commits.get(saga.saga_id, [])
            if saga.is_committed and saga.snapshot_id is not None:
                outcome.findings += _of_committed(sagas, saga, found)
            elif saga.state == "rolled_back":
                outcome.findings += [_undone_but_there(saga, commit) for commit in found]
    return outcome


def _of_committed(sagas: Sagas, saga: Saga, found: list[CommitFacts]) -> Iterator[Finding]:
    if not found:
        expected = f", commit {saga.commit}" if saga.commit else ""
        yield _finding(Word.LOST_UPDATE, saga, str(saga.snapshot_id), f"no ref leads to this snapshot{expected}")
        return
    if len(found) > 1:
        commits = ", ".join(commit.commit for commit in found)
        yield _finding(Word.DOUBLE_EFFECT, saga, str(saga.snapshot_id), f"{len(found)} commits are this one: {commits}")
        return
    (commit,) = found
    if not commit.on_main:
        yield _finding(Word.LOST_UPDATE, saga, commit.commit, "refs/heads/main does not lead to it")
    if saga.commit not in (None, commit.commit):
        yield _finding(Word.LOST_UPDATE, saga, commit.commit, f"the log says that the snapshot is {saga.commit}")
    if dict(commit.files) != dict(saga.files) and saga.files:
        yield _other_bytes(sagas, saga, commit)


def _other_bytes(sagas: Sagas, saga: Saga, commit: CommitFacts) -> Finding:
    differing = sorted(
        name
        for name in {*commit.files, *saga.files}
        if commit.files.get(name, "no file") != saga.files.get(name, "no file")
    )
    name = differing[0]
    actual = commit.files.get(name, "no file")
    writer = _writer_of(sagas, saga, name, actual)
    seen = f"{len(differing)} files differ from what the saga meant to snapshot; {name} has {actual}"
    by = f", which saga {writer.saga_id} wrote" if writer else ""
    word = Word.DIRTY_READ if writer else Word.LOST_UPDATE
    return _finding(word, saga, commit.commit, f"{seen}{by}, and must have {saga.files.get(name, 'no file')}")


def _writer_of(sagas: Sagas, saga: Saga, name: str, sha256: str) -> Saga | None:
    others = (other for other in sagas.by_project.get(saga.project, ()) if other is not saga)
    return next((other for other in others if other.files.get(name) == sha256), None)


def _undone_but_there(saga: Saga, commit: CommitFacts) -> Finding:
    seen = f"a ref leads to the snapshot of rolled-back saga {saga.saga_id} ({undo_story(saga, GIT)})"
    return _finding(word_of(saga, GIT), saga, commit.commit, seen)


def no_orphans(world: World) -> Outcome:
    """A2: every commit that a ref leads to belongs to a committed saga."""
    outcome = _unseen(world)
    sagas = world.sagas.get()
    for project, repository in _repositories(world):
        outcome.looked["refs"] += len(repository.refs)
        outcome.looked["snapshots"] += len(repository.commits)
        for ref, target in repository.odd_refs.items():
            evidence = f"this ref leads to {target}, which is no snapshot of any saga"
            outcome.findings.append(Finding(Word.ORPHAN, "snapshots", project, None, ref, evidence))
        for commit in repository.commits:
            saga = saga_of(sagas, commit)
            if saga is None or not saga.is_committed or saga.project != project:
                outcome.findings.append(_orphan(project, saga, commit))
    return outcome


def _orphan(project: str, saga: Saga | None, commit: CommitFacts) -> Finding:
    if saga is not None and saga.project != project:
        evidence = f"it names saga {saga.saga_id}, which is of project {saga.project}"
    elif saga is not None:
        evidence = f"saga {saga.saga_id} is {saga.state} ({undo_story(saga, GIT)})"
    elif commit.saga_id or commit.snapshot_id:
        evidence = f"it names saga {commit.saga_id} and snapshot {commit.snapshot_id}; the log knows no such pair"
    else:
        evidence = "it names no saga"
    return Finding(Word.ORPHAN, "snapshots", project, saga.saga_id if saga else None, commit.commit, evidence)


def saga_of(sagas: Sagas, commit: CommitFacts) -> Saga | None:
    """The saga that the commit's trailers name; both must name the same one."""
    if commit.saga_id is None:
        return sagas.by_snapshot.get(commit.snapshot_id or "")
    if commit.snapshot_id not in (None, snapshot_id_of(commit.saga_id)):
        return None
    return sagas.by_id.get(commit.saga_id)


def _commits_of_sagas(sagas: Sagas, repository: RepositoryFacts) -> dict[str, list[CommitFacts]]:
    found: dict[str, list[CommitFacts]] = {}
    for commit in repository.commits:
        if (saga := saga_of(sagas, commit)) is not None:
            found.setdefault(saga.saga_id, []).append(commit)
    return found


def _repositories(world: World) -> Iterator[tuple[str, RepositoryFacts]]:
    """Every project that has a repository or should have one; unreadable ones are left out."""
    there: Mapping[str, RepositoryFacts] = world.repositories.get()
    for project in dict.fromkeys([*there, *world.sagas.get().by_project]):
        repository = there.get(project, NOTHING)
        if repository.unseen is None:
            yield project, repository


def _unseen(world: World) -> Outcome:
    repositories = world.repositories.get().items()
    return Outcome(unseen=[f"repository of {name}: {there.unseen}" for name, there in repositories if there.unseen])


def _finding(word: Word, saga: Saga, subject: str, evidence: str) -> Finding:
    return Finding(word, "snapshots", saga.project, saga.saga_id, subject, evidence)
