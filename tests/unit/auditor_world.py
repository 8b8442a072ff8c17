"""A small world for the auditor's invariants: sagas that write into plain dicts, and a hand that damages them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from chaos.auditor.facts import (
    CommitFacts,
    FileFacts,
    GraphFacts,
    Leftover,
    LeftoverFacts,
    LogEvent,
    LogRow,
    Probe,
    ProbeFacts,
    Relationship,
    RepositoryFacts,
    SagaLogFacts,
    Source,
    Told,
)
from chaos.auditor.invariants import judge
from chaos.auditor.sagas import read_sagas
from chaos.auditor.verdicts import InvariantResult, Word
from chaos.auditor.world import World

P = "proj"
RELATIONSHIPS, FILES, SNAPSHOT = "Save relationships", "Save wiki files", "Create git snapshot"
STEPS = (RELATIONSHIPS, FILES, SNAPSHOT)
Links = Iterable[tuple[str, str, str]]


def sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def snap(saga_id: str) -> str:
    return "snap-" + sha(saga_id)[:16]


def digest(links: Links) -> str:
    """The formula of docs/saga-log.md, written again on purpose; a link is (source, kind, target)."""
    return sha("\n".join(sorted({"\t".join(link) for link in links})))


@dataclass
class Built:
    """Everything that the auditor would collect, open to damage."""

    events: list[LogEvent] = field(default_factory=list)
    rows: dict[str, LogRow] = field(default_factory=dict)
    disk: dict[str, dict[str, str]] = field(default_factory=dict)
    commits: dict[str, list[CommitFacts]] = field(default_factory=dict)
    repositories: dict[str, RepositoryFacts] = field(default_factory=dict)
    links: list[Relationship] = field(default_factory=list)
    lonely_pages: list[tuple[str | None, str, str | None]] = field(default_factory=list)
    open_barriers: list[tuple[str | None, str]] = field(default_factory=list)
    leftovers: list[Leftover] = field(default_factory=list)
    probes: list[Probe] = field(default_factory=lambda: [Probe("git_server", "no token", "POST /x", 401, False)])
    skipped: list[str] = field(default_factory=list)
    told: list[Told] | None = None
    moved: frozenset[str] = frozenset()
    blind: dict[str, str] = field(default_factory=dict)

    # --- the log ------------------------------------------------------------------------------------------------

    def write(self, saga_id: str, kind: str, step: str | None = None, **data: Any) -> None:
        seq = sum(event.saga_id == saga_id for event in self.events) + 1
        self.events.append(LogEvent(len(self.events) + 1, saga_id, seq, kind, step, data))

    def begin(self, saga_id: str, files: Mapping[str, str], links: Links = (), project: str = P) -> None:
        links = list(links)
        intents = {
            RELATIONSHIPS: {"participant": "neo4j", "count": len(links), "sha256": digest(links)},
            FILES: {"participant": "filesystem", "files": {name: sha(text) for name, text in files.items()}},
            SNAPSHOT: {"participant": "git", "snapshot_id": snap(saga_id), "files": len(files)},
        }
        kinds = {RELATIONSHIPS: "compensable", FILES: "compensable", SNAPSHOT: "pivot"}
        steps = [{"name": step, "kind": kinds[step], "group": None, "intent": intents[step]} for step in STEPS]
        self.write(saga_id, "saga.requested", project=project, user="user")
        self.write(saga_id, "saga.claimed", worker="w1", fence=1, lost=None)
        self.write(saga_id, "saga.begun", deadline=None, steps=steps)

    def do(self, saga_id: str, step: str, result: Any = None) -> None:
        self.write(saga_id, "step.started", step)
        self.write(saga_id, "step.done", step, result=result)

    def undo(self, saga_id: str, *steps: str) -> None:
        for step in steps:
            self.write(saga_id, "undo.started", step)
            self.write(saga_id, "undo.done", step, result=None)

    # --- whole sagas, with their effects ------------------------------------------------------------------------

    def commit(self, saga_id: str, files: Mapping[str, str], links: Links = (), project: str = P) -> None:
        """A saga that does everything right."""
        links = list(links)
        self.begin(saga_id, files, links, project)
        self.do(saga_id, RELATIONSHIPS, {"count": len(links)})
        self.do(saga_id, FILES, {"files": self.rows_of(files, project)})
        commit = sha(saga_id)[:40]
        self.do(saga_id, SNAPSHOT, {"snapshot_id": snap(saga_id), "commit": commit, "files": len(files)})
        self.write(saga_id, "saga.committed", result={})
        for step in STEPS:
            self.write(saga_id, "confirm.started", step)
            self.write(saga_id, "confirm.done", step, result=None)
        self.write(saga_id, "saga.finished")
        self.put_files(files, project)
        self.put_commit(saga_id, files, project)
        self.put_links(saga_id, links, project)

    def roll_back(self, saga_id: str, files: Mapping[str, str], links: Links = (), project: str = P) -> None:
        """A saga whose snapshot was refused, and that undoes everything as it should."""
        self.begin(saga_id, files, links, project)
        self.do(saga_id, RELATIONSHIPS, {"count": len(list(links))})
        self.do(saga_id, FILES, {"files": self.rows_of(files, project)})
        self.write(saga_id, "step.started", SNAPSHOT)
        self.write(saga_id, "step.refused", SNAPSHOT, problem="409")
        self.write(saga_id, "saga.rollback_began", reason="409", failed_step=SNAPSHOT)
        self.undo(saga_id, SNAPSHOT, FILES, RELATIONSHIPS)
        self.write(saga_id, "saga.rolled_back", error="409")

    def rows_of(self, files: Mapping[str, str], project: str = P) -> list[dict[str, Any]]:
        before = self.disk.get(project, {})
        return [{"filename": name, "sha256": sha(text), "replaced": before.get(name)} for name, text in files.items()]

    # --- effects, also of those who have no right to them -----------------------------------------------------------

    def put_files(self, files: Mapping[str, str], project: str = P) -> None:
        self.disk.setdefault(project, {}).update({name: sha(text) for name, text in files.items()})

    def put_commit(self, saga_id: str | None, files: Mapping[str, str], project: str = P, **other: Any) -> None:
        hashes = {name: sha(text) for name, text in files.items()}
        facts = CommitFacts(sha(saga_id or "?")[:40], saga_id, snap(saga_id) if saga_id else None, hashes, True)
        self.commits.setdefault(project, []).append(replace(facts, **other))

    def put_links(self, saga_id: str, links: Links, project: str = P, pending: bool = False) -> None:
        self.links += [Relationship(project, saga_id, a, kind, b, None, pending) for a, kind, b in links]

    # --- judgement ----------------------------------------------------------------------------------------------

    def world(self) -> World:
        log = SagaLogFacts(self.events, self.rows, self.moved)
        sagas = read_sagas(log)
        refs = {project: {"refs/heads/main": commits[-1].commit} for project, commits in self.commits.items()}
        made = {project: RepositoryFacts(refs[project], commits) for project, commits in self.commits.items()}
        world = World(
            log=Source(log),
            sagas=Source(sagas),
            files=Source(FileFacts(self.disk)),
            repositories=Source(made | self.repositories),
            graph=Source(GraphFacts(self.links, self.lonely_pages, self.open_barriers)),
            leftovers=Source(LeftoverFacts(self.leftovers, 3)),
            probes=Source(ProbeFacts(self.probes, self.skipped)),
            journal=None if self.told is None else Source(self.told),
            moving=frozenset(sagas.by_id[saga_id].project for saga_id in self.moved),
        )
        return replace(world, **{name: Source(blind=why) for name, why in self.blind.items()})

    def judge(self) -> dict[str, InvariantResult]:
        return {result.name: result for result in judge(self.world())}

    def verdicts(self) -> dict[str, str]:
        return {name: str(result.verdict) for name, result in self.judge().items()}

    def words(self, invariant: str) -> list[Word]:
        return [finding.word for finding in self.judge()[invariant].findings]


ALL_VALID = dict.fromkeys(("A1", "A2", "A3", "A4", "A5", "A6"), "valid")
LINKS = (("a.md", "LINKS_TO", "b.md"), ("b.md", "SEE_ALSO", "a.md"))


def two_sagas() -> Built:
    """One committed saga, then one that was rolled back over the same files."""
    built = Built()
    built.commit("s1", {"a.md": "one", "b.md": "two"}, LINKS)
    built.roll_back("s2", {"a.md": "other", "c.md": "new"}, LINKS)
    return built
