"""The auditor's invariants over the simulated world: the same pure checks, the same collectors, on the same folders."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import requests

from backend.saga.events import CLOSING
from backend.saga.events import EventType as T
from backend.saga.ports import LoggedEvent, SagaRecord
from chaos.auditor.collectors import look
from chaos.auditor.collectors.files import read_files
from chaos.auditor.collectors.leftovers import read_leftovers
from chaos.auditor.collectors.neo4j import Graph, read_graph
from chaos.auditor.collectors.repositories import read_repositories
from chaos.auditor.facts import (
    FileFacts,
    GraphFacts,
    LeftoverFacts,
    LogEvent,
    LogRow,
    ProbeFacts,
    RepositoryFacts,
    SagaLogFacts,
    Source,
)
from chaos.auditor.invariants import INVARIANTS, judge
from chaos.auditor.sagas import read_sagas
from chaos.auditor.verdicts import Finding as Found
from chaos.auditor.world import World as Facts
from chaos.explorer.heard import Heard
from chaos.explorer.machines import folder_of, nobody
from chaos.explorer.remembered import Machine, Remembered
from chaos.explorer.scenario import Anomaly, Finding, Judgement
from chaos.explorer.wire import SimulatedSession
from service_kit import names

if TYPE_CHECKING:
    from chaos.explorer.run import System

FILESYSTEM, GIT, NEO4J = "filesystem_server", "git_server", "neo4j"
_JUDGED = [invariant for invariant in INVARIANTS if invariant.name != "A6"]
"""A6 asks who may come in: a fault decides nothing there, and ``testbed audit`` and ``testbed conform`` knock."""
_PARTICIPANT = {"files": FILESYSTEM, "snapshots": GIT, "relationships": NEO4J, "pages": NEO4J}


def judge_wiki(system: System) -> Judgement:
    """Hold the log against the participants' folders and graph."""
    log = system.durable["log"]
    events: list[LoggedEvent] = log.all_events(0, 1_000_000)
    rows: list[SagaRecord] = log.find(limit=1_000)
    states = {row.saga_id: str(row.state) for row in rows}
    key = (
        tuple(system.participants[name].state.number for name in (FILESYSTEM, GIT, NEO4J)),
        tuple((entry.saga_id, entry.event.type, entry.event.step, repr(entry.event.data)) for entry in events),
        tuple((row.saga_id, row.state, row.closed) for row in rows),
    )
    if key not in system.known:
        system.known[key] = _judge(system, log_facts(events, rows))
    findings, unseen = system.known[key]
    findings += tuple(_of_the_whole_log(events, {row.saga_id: row.project_id for row in rows}))
    return Judgement(tuple(_in_the_light_of(system, finding) for finding in findings), unseen, states)


def _judge(system: System, log: SagaLogFacts) -> tuple[tuple[Finding, ...], tuple[str, ...]]:
    files, git, graph = (system.participants[name] for name in (FILESYSTEM, GIT, NEO4J))
    world = Facts(
        log=Source(log),
        sagas=look("sagas", lambda: read_sagas(log)),
        files=files.fact("files", _files),
        repositories=git.fact("repositories", _repositories),
        graph=graph.fact("graph", partial(_graph, system)),
        leftovers=_leftovers(files, git),
        probes=Source(ProbeFacts(())),
    )
    results = judge(world, _JUDGED)
    findings = tuple(_finding(result.name, found) for result in results for found in result.findings)
    unseen = tuple(f"{result.name}: {why}" for result in results for why in result.unseen)
    return findings, unseen


def _of_the_whole_log(events: list[LoggedEvent], projects: Mapping[str, str]) -> Iterator[Finding]:
    """What an auditor cannot ask of a log that operators may write to at any time."""
    holders: dict[str, str] = {}
    cancelled: dict[str, int] = {}
    for entry in events:
        saga, project, kind = entry.saga_id, projects[entry.saga_id], entry.event.type
        if kind is T.BEGUN:
            if (holder := holders.get(project, saga)) != saga:
                seen = f"it begins while saga {holder} holds project {project}"
                yield Finding(Anomaly.WRONG_ORDER, "R11", f"saga {saga}", seen, saga)
            holders[project] = saga
        elif kind in CLOSING and holders.get(project) == saga:
            del holders[project]
        elif kind is T.CANCEL_REQUESTED:
            cancelled[saga] = entry.seq
        elif kind is T.COMMITTED and saga in cancelled and entry.seq > cancelled[saga] + 1:
            # Directly before the commit record a cancel may come too late; before anything else it must be seen.
            seen = f"event {entry.seq} commits it, and it was cancelled by event {cancelled[saga]}"
            yield Finding(Anomaly.FALSE_COMMITTED, "R8", f"saga {saga}", seen, saga)


def _finding(broken: str, found: Found) -> Finding:
    return Finding(
        Anomaly(str(found.word)), broken, found.subject, found.evidence, found.saga_id, _PARTICIPANT.get(found.kind)
    )


def _in_the_light_of(system: System, finding: Finding) -> Finding:
    """An orphan whose action came in after its own compensation has a name of its own."""
    if finding.anomaly is not Anomaly.ORPHAN or finding.participant is None:
        return finding
    heard = Heard.by(finding.participant, system.world.trace)
    return replace(finding, anomaly=Anomaly.OVERTAKEN) if heard.overtaken else finding


def _files(machine: Machine) -> Source[FileFacts]:
    return look("files", lambda: read_files(folder_of(machine)))


def _repositories(machine: Machine) -> Source[dict[str, RepositoryFacts]]:
    return look("repositories", lambda: read_repositories(folder_of(machine)))


def _leftovers(files: Remembered, git: Remembered) -> Source[LeftoverFacts]:
    """Of two folders: remembered for each pair of states."""

    def of_both(machine: Machine) -> Source[LeftoverFacts]:
        other = git.fact("folder", folder_of)
        return look("leftovers", lambda: read_leftovers(folder_of(machine), other))

    git.fact(f"with files {files.state.number}", lambda machine: None)
    return files.fact(f"leftovers with git {git.state.number}", of_both)


def _graph(system: System, machine: Machine) -> Source[GraphFacts]:
    def ask(address: str, request: Any, timeout: float) -> Any:
        return machine.call(request, nobody)

    token = system.tokens.headers("explorer", "*")[names.INTERNAL_TOKEN]
    session: requests.Session = SimulatedSession(ask)
    return look("graph", lambda: read_graph(Graph(session, machine.address, token)))


def log_facts(events: list[LoggedEvent], rows: list[SagaRecord]) -> SagaLogFacts:
    """The log as the auditor reads it."""
    seen: Mapping[str, LogRow] = {
        row.saga_id: LogRow(
            row.saga_id, row.saga_type, row.project_id, str(row.state), row.closed, row.last_seq, row.head
        )
        for row in rows
    }
    logged = [
        LogEvent(
            entry.position,
            entry.saga_id,
            entry.seq,
            str(entry.event.type),
            entry.event.step,
            entry.event.data,
            entry.event.at,
            entry.hash,
        )
        for entry in events
    ]
    return SagaLogFacts(logged, seen, chained=True)
