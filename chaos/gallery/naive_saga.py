"""The naive saga: undoes only what it knows to be done, and meets no barrier.

Seen in the wild: the widespread recipe "run the step, then push its compensation onto a stack, and pop the stack on
failure". It is what many engines' own samples do, and what MassTransit's routing slips do by design: an activity that
faulted is not in the compensate log. It looks right as long as "failed" means "did not happen". A snapshot whose answer
was lost has happened, and nobody undoes it; a save that its client gave up on is still under way, and lands after the
files were deleted. Both leave orphans, and the saga reports a clean rollback all the same.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Mapping
from typing import Any, Protocol
from urllib.parse import quote

import requests

SAVE_FILES, CREATE_SNAPSHOT = "Save wiki files", "Create git snapshot"
GIVE_UP = 1.0  # seconds after which it takes silence for failure


class SagaPaper(Protocol):
    """Where one saga's events are written."""

    def write(self, kind: str, step: str | None = None, **data: Any) -> None:
        """Append one event."""


class NaiveWikiSaga:
    """Saves files one by one, then makes a snapshot; on failure deletes the files that it knows as saved.

    Args:
        internal_headers: the headers of every call, with the internal token.
        saga_log: where its events go, in the form of docs/saga-log.md, so that the auditor can hold the saga's word
            against the world.
        session: its HTTP client; by default one of its own.
        saga_id: by default a fresh one.
    """

    def __init__(
        self,
        project_id: str,
        user_id: str,
        filesystem_url: str,
        git_url: str,
        internal_headers: Mapping[str, str],
        saga_log: Callable[[str], SagaPaper],
        session: requests.Session | None = None,
        saga_id: str | None = None,
    ) -> None:
        self.project_id, self.user_id = project_id, user_id
        self.filesystem_url, self.git_url = filesystem_url, git_url
        self.saga_id = saga_id or f"wiki-{project_id}-naive-{secrets.token_hex(6)}"
        self.state = "pending"
        self._saved: dict[str, dict[str, Any]] = {}
        self._session = session or requests.Session()
        self._session.trust_env = False
        self._session.headers.update(internal_headers)
        self._log = saga_log(self.saga_id)

    def execute(self, files: Mapping[str, str]) -> dict[str, Any]:
        """Store ``files`` (name to content).

        Returns:
            ``{"status": "success" | "failed", "saga_id", "state", "snapshot_id"? | "error"?}``, as far as it knows.
        """
        hashes = {name: hashlib.sha256(content.encode()).hexdigest() for name, content in files.items()}
        self._log.write("saga.requested", project=self.project_id, user=self.user_id)
        self._log.write("saga.begun", deadline=None, steps=self._intents(hashes))
        try:
            self._step(SAVE_FILES, lambda: self._save(files))
            snapshot = self._step(CREATE_SNAPSHOT, lambda: self._snapshot(hashes))
        except requests.RequestException as error:
            return self._roll_back(type(error).__name__)
        return self._commit(snapshot)

    def _step(self, name: str, work: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        self.state = "executing"
        self._log.write("step.started", name)
        try:
            result = work()
        except requests.RequestException as error:
            self._log.write("step.refused", name, problem=type(error).__name__)
            raise
        self._log.write("step.done", name, result=result)
        return result

    def _save(self, files: Mapping[str, str]) -> dict[str, Any]:
        for name, content in files.items():
            body = {"project_id": self.project_id, "filename": name, "content": content}
            answer = self._call("POST", f"{self.filesystem_url}/save_file", body)
            self._saved[name] = {key: answer[key] for key in ("filename", "sha256", "replaced")}
        return {"files": list(self._saved.values())}

    def _snapshot(self, hashes: Mapping[str, str]) -> dict[str, Any]:
        body = {"saga_id": self.saga_id, "message": f"Wiki of {self.project_id}", "files": dict(hashes)}
        answer = self._call("POST", f"{self.git_url}/snapshot/{quote(self.project_id, safe='')}", body)
        return {key: answer[key] for key in ("snapshot_id", "commit", "files")}

    def _roll_back(self, error: str) -> dict[str, Any]:
        self.state = "rolling_back"
        self._log.write("saga.rollback_began", reason=error, failed_step=None)
        if self._saved:  # what was not saved needs no undo, and a snapshot that failed was not made: so it believes
            self._log.write("undo.started", SAVE_FILES)
            for name in self._saved:
                path = f"/file/{quote(self.project_id, safe='')}/{quote(name)}"
                self._call("DELETE", self.filesystem_url + path)
            self._log.write("undo.done", SAVE_FILES, result=None)
        self.state = "rolled_back"
        self._log.write("saga.rolled_back", error=error)
        return self._answer("failed", error=error)

    def _commit(self, snapshot: dict[str, Any]) -> dict[str, Any]:
        self.state = "committed"
        self._log.write("saga.committed", result={CREATE_SNAPSHOT: snapshot})
        self._call("POST", f"{self.git_url}/saga/{quote(self.saga_id, safe='')}/confirm")
        self._log.write("saga.finished")
        return self._answer("success", snapshot_id=snapshot["snapshot_id"])

    def _call(self, method: str, url: str, json: object | None = None) -> Any:
        answer = self._session.request(method, url, json=json, timeout=GIVE_UP)
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def _answer(self, status: str, **more: Any) -> dict[str, Any]:
        return {"status": status, "saga_id": self.saga_id, "project_id": self.project_id, "state": self.state, **more}

    def _intents(self, hashes: Mapping[str, str]) -> list[dict[str, Any]]:
        snapshot_id = "snap-" + hashlib.sha256(self.saga_id.encode()).hexdigest()[:16]
        intents = {
            SAVE_FILES: ("compensable", {"participant": "filesystem", "files": dict(hashes)}),
            CREATE_SNAPSHOT: ("pivot", {"participant": "git", "snapshot_id": snapshot_id, "files": len(hashes)}),
        }
        return [
            {"name": name, "kind": kind, "group": None, "intent": intent} for name, (kind, intent) in intents.items()
        ]
