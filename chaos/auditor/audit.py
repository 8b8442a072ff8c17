"""The front of the auditor: collect from every source, judge every invariant, report. ``testbed audit`` calls it."""

from __future__ import annotations

import secrets
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

import requests

from chaos.auditor.collectors import effects, look, probes
from chaos.auditor.collectors.files import read_files
from chaos.auditor.collectors.journal import read_journal
from chaos.auditor.collectors.leftovers import read_leftovers
from chaos.auditor.collectors.log_database import LogAddress
from chaos.auditor.collectors.neo4j import Graph, read_graph
from chaos.auditor.collectors.repositories import read_repositories
from chaos.auditor.collectors.saga_log import read_again, read_log
from chaos.auditor.facts import CannotSee, GraphFacts, ProbeFacts, SagaLogFacts, Source, Told
from chaos.auditor.invariants import judge
from chaos.auditor.quiet import wait_until_quiet
from chaos.auditor.rendering import render
from chaos.auditor.report import AuditReport
from chaos.auditor.sagas import Sagas, read_sagas
from chaos.auditor.verdicts import InvariantResult, Verdict, Word, worst
from chaos.auditor.world import World
from service_kit import names

__all__ = ["AuditReport", "AuditTarget", "Verdict", "audit", "render", "wait_until_quiet"]

T = TypeVar("T")
ANY_PROJECT = "*"
_ORPHAN_KINDS = ("files", "snapshots", "relationships")


@dataclass(frozen=True)
class AuditTarget:
    """What to audit.

    Attributes:
        saga_log: the SQLite file, or the URL of the PostgreSQL database.
        filesystem_data, git_data: the data folders of the two servers.
        neo4j_url, chroma_url, filesystem_url, git_url: base URLs; what is None is not seen, and so never green.
        token: mints an internal token for a project, ``*`` for all.
        neo4j_database, chroma_token: what a real server needs besides; a real Neo4j's user and password are in its URL.
        unguarded: ``neo4j``, ``chroma``: real servers that let everybody in. A6 does not knock there, and says so.
        journal: what clients were told, one JSON object a line.
        project: restricts the audit to this project.
    """

    saga_log: LogAddress
    filesystem_data: Path
    git_data: Path
    neo4j_url: str | None
    chroma_url: str | None
    filesystem_url: str | None
    git_url: str | None
    token: Callable[[str], str] | None
    neo4j_database: str = "neo4j"
    chroma_token: str | None = None
    unguarded: frozenset[str] = frozenset()
    journal: Path | None = None
    project: str | None = None


def audit(target: AuditTarget, *, on_progress: Callable[[str], None] | None = None) -> AuditReport:
    """Audit the system; never raises for what it finds or cannot see.

    Wait for quiet first (``wait_until_quiet``): sagas at work are limbo.
    """
    started_at, began = time.time(), time.monotonic()
    with requests.Session() as session:
        session.trust_env = False  # no proxies, no .netrc
        world = _Collectors(target, session, on_progress or (lambda line: None)).collect()
    results = judge(world)
    return _report(world, results, started_at, time.monotonic() - began)


@dataclass(frozen=True)
class _Collectors:
    target: AuditTarget
    session: requests.Session
    tell: Callable[[str], None]

    def collect(self) -> World:
        """Every source once, the log before and after all others."""
        target = self.target
        log = self._look("saga log", lambda: read_log(target.saga_log))
        world = World(
            log=log,
            sagas=Source(blind=log.blind),
            files=self._look("files", lambda: read_files(target.filesystem_data, target.project)),
            repositories=self._look(
                "repositories", lambda: read_repositories(target.git_data, target.project, self._count)
            ),
            graph=self._look("graph", self._graph),
            leftovers=self._look(
                "leftovers", lambda: read_leftovers(target.filesystem_data, target.git_data, target.project)
            ),
            probes=self._look("probes", self._probes),
            journal=self._journal(),
        )
        return self._with_sagas(world)

    def _look(self, name: str, collect: Callable[[], T]) -> Source[T]:
        self.tell(f"reading the {name}")
        return look(name, collect)

    def _count(self, done: int, of: int) -> None:
        if done % 100 == 0:
            self.tell(f"read {done:,} of {of:,} repositories")

    def _journal(self) -> Source[list[Told]] | None:
        path = self.target.journal
        return None if path is None else self._look("journal", lambda: read_journal(path, self.target.project))

    def _graph(self) -> GraphFacts:
        return read_graph(self._open_graph(), self.target.project)

    def _open_graph(self) -> Graph:
        if self.target.neo4j_url is None:
            raise CannotSee("no URL of the graph was given")
        return Graph(self.session, self.target.neo4j_url, self._any_token(), self.target.neo4j_database)

    def _any_token(self) -> str | None:
        return self.target.token(ANY_PROJECT) if self.target.token else None

    def _probes(self) -> ProbeFacts:
        target, doors, closed, unguarded = self.target, [], [], []
        makers = (
            ("filesystem_server", target.filesystem_url, self._filesystem_door),
            ("git_server", target.git_url, self._git_door),
            ("neo4j", target.neo4j_url, self._graph_door),
            ("chroma", target.chroma_url, self._documents_door),
        )
        for name, url, make in makers:
            if url is None:
                closed.append(f"{name} was not probed: no URL was given")
            elif name in target.unguarded:
                unguarded.append(
                    f"{name} is a real server that was given no credentials: whether it is closed is its own"
                )
            else:
                doors.append(make(url))
        found = probes.knock(self.session, doors, target.token, secrets.token_hex(4))
        return replace(found, skipped=[*found.skipped, *closed], unguarded=unguarded)

    def _filesystem_door(self, url: str) -> probes.Door:
        return probes.filesystem_door(url, lambda name: effects.in_filesystem(self.target.filesystem_data, name))

    def _git_door(self, url: str) -> probes.Door:
        return probes.git_door(url, lambda name: effects.in_git(self.target.git_data, name))

    def _graph_door(self, url: str) -> probes.Door:
        database = self.target.neo4j_database
        return probes.graph_door(url, database, lambda name: effects.in_graph(self._open_graph(), name))

    def _documents_door(self, url: str) -> probes.Door:
        token, own = self._any_token(), self.target.chroma_token
        headers = ({names.INTERNAL_TOKEN: token} if token else {}) | ({"x-chroma-token": own} if own else {})
        return probes.documents_door(url, lambda name: effects.in_documents(self.session, url, headers, name))

    def _with_sagas(self, world: World) -> World:
        """The log once more: sagas that came or moved meanwhile are in it, and their projects are marked."""

        def again() -> SagaLogFacts:
            return read_again(self.target.saga_log, world.log.get())

        log = look("saga log", again) if world.log.blind is None else world.log
        sagas = look("sagas", lambda: read_sagas(log.get(), self.target.project))
        return replace(world, log=log, sagas=sagas, moving=_moving(log, sagas))


def _moving(log: Source[SagaLogFacts], sagas: Source[Sagas]) -> frozenset[str]:
    if log.value is None or sagas.value is None:
        return frozenset()
    by_id = sagas.value.by_id
    return frozenset(by_id[saga_id].project for saga_id in log.value.moved if saga_id in by_id)


def _report(world: World, results: tuple[InvariantResult, ...], started_at: float, seconds: float) -> AuditReport:
    sagas = list(world.sagas.value.by_id.values()) if world.sagas.value else []
    found = [finding for result in results for finding in result.findings if finding.word is Word.ORPHAN]
    orphans = dict.fromkeys(_ORPHAN_KINDS, 0) | Counter(finding.kind for finding in found)
    return AuditReport(
        verdict=worst(result.verdict for result in results),
        invariants=results,
        sagas=dict(Counter(saga.state for saga in sagas)),
        orphans=orphans,
        dead_letters=sum(saga.state == "failed" and saga.dead_letter for saga in sagas),
        looked_at=_looked_at(world, len(sagas)),
        started_at=started_at,
        seconds=seconds,
    )


def _looked_at(world: World, sagas: int) -> dict[str, int]:
    log, files, repositories = world.log.value, world.files.value, world.repositories.value
    graph, records, probed = world.graph.value, world.leftovers.value, world.probes.value
    return {
        "sagas": sagas,
        "events": len(log.events) if log else 0,
        "files": sum(map(len, files.projects.values())) if files else 0,
        "repositories": len(repositories or ()),
        "snapshots": sum(len(one.commits) for one in (repositories or {}).values()),
        "relationships": len(graph.relationships) + graph.without_saga if graph else 0,
        "participants' records": records.records if records else 0,
        "answers to clients": len(world.journal.value or ()) if world.journal else 0,
        "probes": len(probed.probes) if probed else 0,
    }
