"""A saga log written by the test's own SQL, from the words of docs/saga-log.md alone."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

RELATIONSHIPS, FILES, SNAPSHOT = "Save relationships", "Save wiki files", "Create git snapshot"
STEPS = (RELATIONSHIPS, FILES, SNAPSHOT)
Links = Iterable[tuple[str, str, str]]
SCHEMA = """
CREATE TABLE events (position INTEGER PRIMARY KEY AUTOINCREMENT, saga_id TEXT NOT NULL, seq INTEGER NOT NULL,
    type TEXT NOT NULL, step TEXT, at REAL NOT NULL, data TEXT NOT NULL, UNIQUE (saga_id, seq));
CREATE TABLE sagas (number INTEGER PRIMARY KEY AUTOINCREMENT, saga_id TEXT NOT NULL UNIQUE, saga_type TEXT NOT NULL,
    project_id TEXT NOT NULL, user_id TEXT NOT NULL, parameters TEXT NOT NULL, request_key TEXT, state TEXT NOT NULL,
    closed BOOLEAN NOT NULL, worker TEXT, fence INTEGER NOT NULL, last_seq INTEGER NOT NULL, lease_until REAL NOT NULL,
    wake_at REAL NOT NULL, created_at REAL NOT NULL, updated_at REAL NOT NULL);
CREATE TABLE meta (schema_version INTEGER NOT NULL);
INSERT INTO meta VALUES (1);
"""
STATES = {
    "saga.begun": "executing",
    "saga.rollback_began": "rolling_back",
    "saga.parked": "failed",
    "saga.rolled_back": "rolled_back",
    "saga.committed": "committed",
}


def sha(content: str) -> str:
    return hashlib.sha256(content.encode()).hexdigest()


def snap(saga_id: str) -> str:
    return f"snap-{sha(saga_id)[:16]}"


def digest(links: Links) -> str:
    return sha("\n".join(sorted({"\t".join(link) for link in links})))


class LogWriter:
    """Writes events and the folded row, as the system does."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self.db.execute("PRAGMA journal_mode = WAL")
        self.db.executescript(SCHEMA)
        self.seqs: dict[str, int] = {}

    def close(self) -> None:
        self.db.close()

    def write(self, saga_id: str, kind: str, step: str | None = None, **data: Any) -> None:
        seq = self.seqs[saga_id] = self.seqs.get(saga_id, 0) + 1
        if kind == "saga.requested":
            row = (saga_id, data["project"], data["user"])
            self.db.execute(
                "INSERT INTO sagas VALUES (NULL, ?, 'wiki', ?, ?, '{}', NULL, 'pending', 0, NULL, 0, 0, 0, 0, 0, 0)",
                row,
            )
        event = (saga_id, seq, kind, step, json.dumps(data))
        self.db.execute("INSERT INTO events VALUES (NULL, ?, ?, ?, ?, 0, ?)", event)
        closed = kind in ("saga.rolled_back", "saga.finished")
        self.db.execute(
            "UPDATE sagas SET last_seq = ?, state = coalesce(?, state), closed = closed OR ? WHERE saga_id = ?",
            (seq, STATES.get(kind), closed, saga_id),
        )

    def begin(self, saga_id: str, project: str, files: Mapping[str, str], links: Links = ()) -> None:
        links = set(links)
        hashes = {name: sha(content) for name, content in files.items()}
        intents = (
            ("compensable", {"participant": "neo4j", "count": len(links), "sha256": digest(links)}),
            ("compensable", {"participant": "filesystem", "files": hashes}),
            ("pivot", {"participant": "git", "snapshot_id": snap(saga_id), "files": len(files)}),
        )
        steps = [
            {"name": step, "kind": kind, "group": None, "intent": intent}
            for step, (kind, intent) in zip(STEPS, intents, strict=True)
        ]
        self.write(saga_id, "saga.requested", project=project, user="user-1")
        self.write(saga_id, "saga.claimed", worker="w1", fence=1, lost=None)
        self.write(saga_id, "saga.begun", deadline=None, steps=steps)

    def done(self, saga_id: str, step: str, result: Any) -> None:
        self.write(saga_id, "step.started", step)
        self.write(saga_id, "step.done", step, result=result)

    def commit(self, saga_id: str, project: str, files: Mapping[str, str], links: Links, commit: str | None) -> None:
        """A whole committed saga, on paper; ``replaced`` is left out."""
        links = set(links)
        self.begin(saga_id, project, files, links)
        self.done(saga_id, RELATIONSHIPS, {"count": len(links)})
        self.done(saga_id, FILES, {"files": [{"filename": name, "sha256": sha(text)} for name, text in files.items()]})
        self.done(saga_id, SNAPSHOT, {"snapshot_id": snap(saga_id), "commit": commit, "files": len(files)})
        self.write(saga_id, "saga.committed", result={SNAPSHOT: {"commit": commit}})
        for step in STEPS:
            self.write(saga_id, "confirm.started", step)
            self.write(saga_id, "confirm.done", step, result=None)
        self.write(saga_id, "saga.finished")

    def roll_back(self, saga_id: str, *undone: str, reason: str = "503") -> None:
        self.write(saga_id, "saga.rollback_began", reason=reason, failed_step=SNAPSHOT)
        for step in undone:
            self.write(saga_id, "undo.started", step)
            self.write(saga_id, "undo.done", step, result=None)
        self.write(saga_id, "saga.rolled_back", error=reason)
