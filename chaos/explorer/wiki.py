"""The wiki saga as a scenario: the real worker, runner and log over the real servers, judged by the auditor."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any, cast

import requests

import filesystem_server.app
import git_server.app
import git_server.settings
import neo4j_stub.app
from backend.clients import neo4j_statements
from backend.clients.filesystem import FilesystemClient
from backend.clients.git import GitClient
from backend.clients.neo4j import Neo4jGraph
from backend.clients.neo4j_statements import Relationship
from backend.clients.transport import HttpLink
from backend.saga.definition import SagaDefinition
from backend.saga.events import Event, EventType
from backend.saga.ports import NewSaga, SagaLog, SagaRecord
from backend.saga.retry import RetryPolicy
from backend.saga_log.memory import MemorySagaLog
from backend.wiki.saga import Participants, wiki_saga, wiki_saga_to_recover
from chaos.explorer.coordinator import work_off
from chaos.explorer.hub import START
from chaos.explorer.machines import App, AppOnFolder, nobody
from chaos.explorer.run import System
from chaos.explorer.scenario import Judgement, Scenario
from chaos.explorer.tokens import Tokens
from chaos.explorer.wiki_judge import judge_wiki
from chaos.explorer.wire import Request
from chaos.explorer.world import Process

WIKI = "wiki"
USER = "explorer"
FILESYSTEM, GIT, NEO4J = "filesystem_server", "git_server", "neo4j"
CALL_TIMEOUT = 30.0  # seconds
_STATEMENTS = {
    neo4j_statements.SAVE: "save relationships",
    neo4j_statements.UNDO: "undo relationships",
    neo4j_statements.CONFIRM: "confirm relationships",
}


@dataclass(frozen=True)
class Wanted:
    """One generation that a client asks for.

    Attributes:
        name: makes its saga id.
        files: name to content.
    """

    name: str
    project: str
    files: Mapping[str, str]
    relationships: Sequence[Relationship] = ()

    @property
    def saga_id(self) -> str:
        return f"wiki-{self.project}-{self.name}"


def _wanted(name: str, project: str, *pages: str) -> Wanted:
    files = {page: f"# {page}\n\nas {name} has it\n" for page in pages}
    links = [Relationship(a, b, "LINKS_TO", None) for a, b in pairwise(pages)]
    return Wanted(name, project, files, links)


class WikiScenario(Scenario):
    """One generation over a project that has a wiki already: three files, of which it replaces two."""

    name = WIKI
    retry: RetryPolicy | None = None
    undo_retry: RetryPolicy | None = None
    timeout: float = CALL_TIMEOUT
    before: Sequence[Wanted] = (_wanted("before", "alpha", "a.md", "b.md"),)
    wanted: Sequence[Wanted] = (_wanted("now", "alpha", "a.md", "b.md", "c.md"),)

    def machines(self, folder: Path, tokens: Tokens) -> Sequence[AppOnFolder]:
        keys = tokens.keys
        return [
            # What needs no second force is known by inode and time, which no effect depends on.
            AppOnFolder(FILESYSTEM, folder / FILESYSTEM, partial(_filesystem, keys), no_state=frozenset({"forced"})),
            AppOnFolder(GIT, folder / GIT, partial(_git, keys)),
            AppOnFolder(NEO4J, folder / NEO4J, partial(_neo4j, keys), content=_graph_of(tokens)),
        ]

    def past(self, system: System) -> None:
        log = system.durable["log"] = MemorySagaLog()
        _participants(system.session(Process("past")), system.tokens, "*").graph.prepare()  # type: ignore[union-attr]
        for wanted in self.before:
            _request(log, wanted)
        system.world.start()
        system.world.run()
        system.world.passed.clear()

    def keep(self, durable: Mapping[str, object]) -> dict[str, object]:
        return {"log": cast(MemorySagaLog, durable["log"]).copy()}

    def begin(self, system: System) -> None:
        for wanted in self.wanted:
            _request(system.durable["log"], wanted)

    def work(self, system: System, process: Process) -> None:
        work_off(system, process, WikiSource(self, system, system.session(process)), self.lease)

    def judge(self, system: System) -> Judgement:
        return judge_wiki(system)

    def describe(self, participant: str, request: Request) -> str:
        if participant == NEO4J:
            return _STATEMENTS.get((request.json() or {}).get("statement", ""), "query")
        if request.path.startswith("/saga/"):
            return "confirm"
        if participant == GIT:
            return "undo snapshot" if request.method == "DELETE" else "create snapshot"
        words = {"POST": "save files", "DELETE": "undo files"}
        return words.get(request.method) or f"read {request.path.rpartition('/')[2]}"

    def wanted_of(self, saga_id: str) -> Wanted:
        """The generation with this saga id."""
        return next(one for one in (*self.before, *self.wanted) if one.saga_id == saga_id)


class HastyScenario(WikiScenario):
    """The same with actions that are tried once only: every lost answer is followed by a rollback."""

    name = "wiki-hasty"
    retry = RetryPolicy(attempts=1)


class ParkingScenario(HastyScenario):
    """Compensations are tried once only, too: every failed one parks the saga, and the slow retry must end it (R10)."""

    name = "wiki-parking"
    undo_retry = RetryPolicy(attempts=1)


class PatientScenario(WikiScenario):
    """The same with calls that time out soon enough to be tried again: a late call meets its own repetition."""

    name = "wiki-patient"
    timeout = 5.0


class CrowdScenario(WikiScenario):
    """Three generations on two projects, two of them on the same one, and two coordinators."""

    name = "wiki-crowd"
    wanted = (
        _wanted("first", "alpha", "a.md", "c.md"),
        _wanted("second", "alpha", "a.md", "d.md"),
        _wanted("other", "beta", "a.md"),
    )

    def workers(self) -> int:
        return 2


class WikiSource:
    """The worker's sagas: their content is at hand, as if steps 1 to 3 had just made it."""

    saga_type = WIKI

    def __init__(self, scenario: WikiScenario, system: System, session: requests.Session) -> None:
        self._scenario, self._system, self._session = scenario, system, session

    def prepare(self, record: SagaRecord, note: Callable[[dict[str, Any]], None]) -> SagaDefinition:
        wanted = self._scenario.wanted_of(record.saga_id)
        saga = wiki_saga(
            record.saga_id,
            record.project_id,
            self._participants(record),
            wanted.files,
            wanted.relationships,
            created_at=START,
            timeout=self._scenario.timeout,
        )
        return self._as_patient_as_wanted(saga)

    def recover(self, record: SagaRecord) -> SagaDefinition:
        timeout = self._scenario.timeout
        participants = self._participants(record)
        return self._as_patient_as_wanted(
            wiki_saga_to_recover(record.saga_id, record.project_id, participants, timeout=timeout)
        )

    def _as_patient_as_wanted(self, saga: SagaDefinition) -> SagaDefinition:
        retry, undo_retry = self._scenario.retry, self._scenario.undo_retry
        steps = (
            replace(step, retry=retry or step.retry, undo_retry=undo_retry or step.undo_retry) for step in saga.steps
        )
        return SagaDefinition(tuple(steps))

    def deadline(self, record: SagaRecord) -> float:
        return record.created_at + 300.0

    def _participants(self, record: SagaRecord) -> Participants:
        return _participants(self._session, self._system.tokens, record.project_id)


def _participants(session: requests.Session, tokens: Tokens, project: str) -> Participants:
    def link(name: str) -> HttpLink:
        return HttpLink(f"http://{name}", lambda: tokens.headers(USER, project), session=session, timeout=CALL_TIMEOUT)

    return Participants(
        filesystem=FilesystemClient(link(FILESYSTEM)),
        git=GitClient(link(GIT)),
        graph=Neo4jGraph(link(NEO4J).send, clock=_stands_still),
    )


def _request(log: SagaLog, wanted: Wanted) -> None:
    asked = Event(EventType.REQUESTED, START, None, {"project": wanted.project, "user": USER})
    log.create(NewSaga(wanted.saga_id, WIKI, wanted.project, USER, {}), asked)


def _stands_still() -> float:
    """The participants' clock: only the age of barrier records depends on it, and nothing here grows old."""
    return START


def _filesystem(keys: str, folder: Path, session: requests.Session) -> tuple[App, Callable[[], None]]:
    settings = filesystem_server.app.Settings.model_validate({"internal_token_keys": keys, "data_dir": folder})
    app = filesystem_server.app.create_app(settings, clock=_stands_still)
    return app, app.extensions["store"].close


def _git(keys: str, folder: Path, session: requests.Session) -> tuple[App, Callable[[], None]]:
    settings = git_server.settings.Settings.model_validate(
        {"internal_token_keys": keys, "data_dir": folder, "filesystem_url": f"http://{FILESYSTEM}"}
    )
    app = git_server.app.create_app(settings, session, clock=_stands_still)
    return app, app.extensions["ledger"].close


def _neo4j(keys: str, folder: Path, session: requests.Session) -> tuple[App, Callable[[], None]]:
    settings = neo4j_stub.app.Settings.model_validate({"internal_token_keys": keys, "data_dir": folder})
    app = neo4j_stub.app.create_app(settings)
    return app, app.extensions["close"]


_EVERYTHING = (
    "MATCH (n) RETURN labels(n) AS labels, properties(n) AS all ORDER BY toString(labels), n.key, n.project, n.name",
    "MATCH (a)-[r]->(b) RETURN a.project AS p, a.name AS a, type(r) AS r, b.name AS b, properties(r) AS all"
    " ORDER BY p, a, r, b, r.saga_id",
)


def _graph_of(tokens: Tokens) -> Callable[[AppOnFolder], str]:
    """The graph's content: its file remembers more than that."""
    headers = {name.lower(): value for name, value in tokens.headers("explorer", "*").items()}

    def look(machine: AppOnFolder) -> str:
        digest = hashlib.sha256()
        for statement in _EVERYTHING:
            body = json.dumps({"statement": statement, "accessMode": "Read"}).encode()
            request = Request("POST", "/db/neo4j/query/v2", {**headers, "content-type": "application/json"}, body)
            answer = machine.call(request, nobody)
            if answer.status >= 300:
                raise AssertionError(f"the graph cannot be read: {answer.body!r}")
            digest.update(json.dumps(json.loads(answer.body)["data"], sort_keys=True).encode())
        return digest.hexdigest()

    return look
