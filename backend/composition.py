"""Where the backend's objects meet."""

from __future__ import annotations

import base64

import requests

from backend.adapters import draw
from backend.clients.chroma import ChromaDocuments
from backend.clients.filesystem import FilesystemClient
from backend.clients.git import GitClient
from backend.clients.neo4j import Neo4jGraph
from backend.clients.transport import Headers, HttpLink, pooled_session
from backend.saga.ports import Clock, SagaLog
from backend.saga_log import open_saga_log
from backend.settings import Settings
from backend.wiki.orchestrator import load_orchestrator
from backend.wiki.saga import Participants
from backend.wiki.source import WikiSource
from backend.worker import Worker
from service_kit import names
from service_kit.tokens import ANY_PROJECT


class Clients:
    """The wire clients of all services, with tokens for one user and project; connections are shared by all of them."""

    def __init__(self, settings: Settings, session: requests.Session | None = None) -> None:
        self.settings = settings
        self.session = session or pooled_session()
        self.minter = settings.internal_minter()

    def participants(self, user: str, project: str) -> Participants:
        """The clients of what a wiki saga changes."""
        return Participants(
            filesystem=FilesystemClient(self._link(self.settings.filesystem_url, user, project)),
            git=GitClient(self._link(self.settings.git_url, user, project)),
            graph=self.graph(user, project),
        )

    def documents(self, user: str, project: str) -> ChromaDocuments:
        """The client of a project's documents."""
        return ChromaDocuments(self._link(self.settings.chroma_url, user, project).send)

    def graph(self, user: str, project: str) -> Neo4jGraph:
        """The client of a project's relationships."""
        link = self._link(self.settings.neo4j_url, user, project)
        return Neo4jGraph(link.send, database=self.settings.neo4j_database)

    def prepare_graph(self) -> None:
        """Make the graph's constraints, which a barrier on a real Neo4j needs."""
        self.graph("system", ANY_PROJECT).prepare()

    def _link(self, url: str, user: str, project: str) -> HttpLink:
        return HttpLink(
            url, lambda: self._headers(url, user, project), session=self.session, timeout=self.settings.call_timeout
        )

    def _headers(self, url: str, user: str, project: str) -> Headers:
        headers = {names.INTERNAL_TOKEN: self.minter.mint(user, project)}
        if url == self.settings.chroma_url and self.settings.chroma_token:
            headers["x-chroma-token"] = self.settings.chroma_token.get_secret_value()
        if url == self.settings.neo4j_url and self.settings.neo4j_password:
            secret = self.settings.neo4j_password.get_secret_value()
            headers["Authorization"] = _basic(self.settings.neo4j_user, secret)
        return headers


def _basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def open_worker(settings: Settings, clock: Clock) -> tuple[Worker, SagaLog]:
    """A worker as ``settings`` describe it, and the log that it works on."""
    saga_log = open_saga_log(settings.saga_log_url)
    clients = Clients(settings)
    source = WikiSource(
        clients.participants,
        clients.documents,
        clients.prepare_graph,
        load_orchestrator(settings.orchestrator),
        clock,
        draw,
        saga_deadline=settings.saga_deadline,
        call_timeout=settings.call_timeout,
        on_malformed=settings.on_malformed,
    )
    worker = Worker(
        saga_log,
        source,
        clock,
        threads=settings.worker_threads,
        lease=settings.lease,
        grace=settings.worker_grace,
    )
    return worker, saga_log
