"""The real participants over real sockets in this process, and a coordinator that does right or wrong as it is told."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests

import chroma_stub.app
import filesystem_server.app
import git_server.app
import neo4j_stub.app
from chaos.auditor.audit import AuditTarget
from service_kit.tokens import KeyRing, TokenMinter
from tests.integration.auditor_log import FILES, RELATIONSHIPS, SNAPSHOT, STEPS, Links, LogWriter, sha, snap
from tests.support.serving import serving

KEYS = "k1:" + "s" * 40
MINTER = TokenMinter(KeyRing.parse(KEYS), "testbed", lifetime=600)
TIMEOUT = 20.0
SAVE_LINKS = """UNWIND $links AS link
MERGE (a:Page {project: $project, name: link[0]}) ON CREATE SET a.made_by = $saga
MERGE (b:Page {project: $project, name: link[2]}) ON CREATE SET b.made_by = $saga
CREATE (a)-[:LINKS_TO {saga_id: $saga, pending: true}]->(b)"""
CONFIRM_LINKS = "MATCH (:Page {project: $project})-[r {saga_id: $saga}]->() REMOVE r.pending"
UNDO_LINKS = "MATCH (:Page {project: $project})-[r {saga_id: $saga}]->() DELETE r"
UNDO_PAGES = "MATCH (p:Page {project: $project}) WHERE NOT (p)--() DELETE p"


def token(project: str) -> str:
    return MINTER.mint("auditor", project)


@dataclass
class System:
    """Four real participants and a saga log."""

    root: Path
    log: LogWriter
    filesystem: str
    git: str
    graph: str
    chroma: str
    session: requests.Session = field(default_factory=requests.Session)

    def target(self, **changes: Any) -> AuditTarget:
        wanted: dict[str, Any] = {
            "saga_log": self.log.path,
            "filesystem_data": self.root / "filesystem_server",
            "git_data": self.root / "git_server",
            "neo4j_url": self.graph,
            "chroma_url": self.chroma,
            "filesystem_url": self.filesystem,
            "git_url": self.git,
            "token": token,
        }
        return AuditTarget(**(wanted | changes))

    def call(self, method: str, url: str, project: str, saga_id: str | None = None, json: object = None) -> Any:
        headers = {"X-INTERNAL-TOKEN": token(project)} | ({"X-Saga-Id": saga_id} if saga_id else {})
        answer = self.session.request(method, url, json=json, headers=headers, timeout=TIMEOUT)
        assert answer.ok, (method, url, answer.status_code, answer.text)
        return answer.json() if answer.content else None

    def cypher(self, statement: str, **parameters: Any) -> list[list[Any]]:
        body = {"statement": statement, "parameters": parameters}
        answer = self.call("POST", f"{self.graph}/db/neo4j/query/v2", "*", json=body)
        assert not answer.get("errors"), answer
        rows: list[list[Any]] = answer["data"]["values"]
        return rows

    # --- what a coordinator does, one step at a time ------------------------------------------------------------

    def save_links(self, saga_id: str, project: str, links: Links) -> None:
        links = sorted(set(links))
        self.cypher(SAVE_LINKS, links=links, project=project, saga=saga_id)
        self.log.done(saga_id, RELATIONSHIPS, {"count": len(links)})

    def save_files(self, saga_id: str, project: str, files: Mapping[str, str]) -> None:
        entries = [{"filename": name, "content": content} for name, content in files.items()]
        body = {"saga_id": saga_id, "files": entries}
        answer = self.call("POST", f"{self.filesystem}/files/{project}", project, saga_id, body)
        rows = [{key: row[key] for key in ("filename", "sha256", "replaced")} for row in answer["files"]]
        self.log.done(saga_id, FILES, {"files": rows})

    def snapshot(self, saga_id: str, project: str, files: Mapping[str, str]) -> Any:
        hashes = {name: sha(content) for name, content in files.items()}
        body = {"saga_id": saga_id, "message": "Wiki", "files": hashes}
        return self.call("POST", f"{self.git}/snapshot/{project}", project, saga_id, body)

    def undo_files(self, saga_id: str, project: str) -> None:
        self.call("DELETE", f"{self.filesystem}/files/{project}", project, saga_id)

    def undo_snapshot(self, saga_id: str, project: str) -> None:
        self.call("DELETE", f"{self.git}/snapshot/{project}/{snap(saga_id)}", project, saga_id)

    def undo_links(self, saga_id: str, project: str) -> None:
        self.cypher(UNDO_LINKS, project=project, saga=saga_id)
        self.cypher(UNDO_PAGES, project=project)

    def confirm(self, saga_id: str, project: str) -> None:
        for url in (self.filesystem, self.git):
            self.call("POST", f"{url}/saga/{saga_id}/confirm", project, saga_id)
        self.cypher(CONFIRM_LINKS, project=project, saga=saga_id)

    # --- whole sagas --------------------------------------------------------------------------------------------

    def start(self, saga_id: str, project: str, files: Mapping[str, str], links: Links = ()) -> None:
        """Everything up to the snapshot."""
        self.log.begin(saga_id, project, files, links)
        self.save_links(saga_id, project, links)
        self.save_files(saga_id, project, files)

    def commit(self, saga_id: str, project: str, files: Mapping[str, str], links: Links = ()) -> str:
        """A saga that does everything right; returns its snapshot id."""
        self.start(saga_id, project, files, links)
        made = self.snapshot(saga_id, project, files)
        self.log.done(saga_id, SNAPSHOT, made)
        self.log.write(saga_id, "saga.committed", result={SNAPSHOT: made})
        self.confirm(saga_id, project)
        for step in STEPS:
            self.log.write(saga_id, "confirm.started", step)
            self.log.write(saga_id, "confirm.done", step, result=None)
        self.log.write(saga_id, "saga.finished")
        snapshot_id: str = made["snapshot_id"]
        return snapshot_id

    def roll_back(self, saga_id: str, project: str, files: Mapping[str, str], links: Links = ()) -> None:
        """The snapshot was made, its answer was lost, and everything is undone as it should be."""
        self.start(saga_id, project, files, links)
        self.snapshot(saga_id, project, files)
        self.lose_the_answer(saga_id)
        self.undo_snapshot(saga_id, project)
        self.undo_files(saga_id, project)
        self.undo_links(saga_id, project)
        self.log.roll_back(saga_id, SNAPSHOT, FILES, RELATIONSHIPS, reason="timeout")

    def lose_the_answer(self, saga_id: str) -> None:
        self.log.write(saga_id, "step.started", SNAPSHOT)
        self.log.write(saga_id, "step.unclear", SNAPSHOT, problem="timeout", retry_at=None)


@contextmanager
def running(root: Path) -> Iterator[System]:
    """The participants on ``root``; closed with everything that they hold."""
    with ExitStack() as stack:

        def folder(name: str) -> dict[str, Any]:
            (root / name).mkdir(parents=True, exist_ok=True)
            return {"internal_token_keys": KEYS, "data_dir": root / name}

        files = filesystem_server.app.create_app(filesystem_server.app.Settings(**folder("filesystem_server")))
        stack.callback(files.extensions["store"].close)
        filesystem = stack.enter_context(serving(files))
        settings = git_server.app.Settings(**folder("git_server"), filesystem_url=filesystem)
        git = stack.enter_context(serving(git_server.app.create_app(settings)))
        graph = neo4j_stub.app.create_app(neo4j_stub.app.Settings(**folder("neo4j")))
        stack.callback(graph.extensions["close"])
        neo4j = stack.enter_context(serving(graph))
        chroma = stack.enter_context(serving(chroma_stub.app.create_app(chroma_stub.app.Settings(**folder("chroma")))))
        log = LogWriter(root / "saga-log.sqlite3")
        stack.callback(log.close)
        system = System(root, log, filesystem, git, neo4j, chroma)
        stack.callback(system.session.close)
        yield system
