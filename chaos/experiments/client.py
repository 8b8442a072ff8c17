"""The backend's API as a user of the system sees it."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

import requests

from chaos.running_system import RunningSystem

TIMEOUT = 30.0  # seconds for one answer
POLL = 0.1
USER = "chaos"
DECIDED = ("committed", "rolled_back", "failed")
Status = dict[str, Any]


class BackendClient:
    """Calls the backend directly, not through the fault proxy: what is told to users must come through.

    All methods raise requests.RequestException for what is no success.
    """

    def __init__(self, system: RunningSystem, user: str = USER) -> None:
        self.url = system.url("backend")
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.headers["Authorization"] = f"Bearer {system.user_token(user)}"

    def add_documents(self, project: str, documents: Sequence[dict[str, str]]) -> None:
        """Add ``documents`` to the project, replacing those of the same doc_id."""
        self._call("POST", f"/api/projects/{quote(project)}/documents", {"documents": list(documents)})

    def start(self, project: str, key: str | None = None) -> Status:
        """Start a generation; it waits its turn when the project is busy."""
        headers = {"Idempotency-Key": key} if key else {}
        return self._call("POST", f"/api/projects/{quote(project)}/wiki", headers=headers)

    def status(self, saga_id: str) -> Status:
        return self._call("GET", f"/api/sagas/{quote(saga_id)}")

    def events(self, saga_id: str) -> list[dict[str, Any]]:
        """The saga's history."""
        found: list[dict[str, Any]] = self._call("GET", f"/api/sagas/{quote(saga_id)}/events")["events"]
        return found

    def operate(self, saga_id: str, verb: str, reason: str) -> Status:
        """Cancel, retry or skip, as an operator. A 409 says that the saga's state does not allow it."""
        return self._call("POST", f"/api/sagas/{quote(saga_id)}/{verb}", {"reason": reason})

    def wait(self, saga_id: str, timeout: float, states: Sequence[str] = DECIDED) -> Status:
        """The status once in one of ``states``, or as it is after ``timeout`` seconds; waits for a killed backend."""
        deadline = time.monotonic() + timeout
        while True:
            try:
                status = self.status(saga_id)
            except requests.ConnectionError:
                status = {"saga_id": saga_id, "state": "unknown", "steps": []}
            if status["state"] in states or time.monotonic() >= deadline:
                return status
            time.sleep(POLL)

    def _call(
        self, method: str, path: str, body: object | None = None, headers: dict[str, str] | None = None
    ) -> dict[str, Any]:
        answer = self._session.request(method, self.url + path, json=body, headers=headers, timeout=TIMEOUT)
        answer.raise_for_status()
        found: dict[str, Any] = answer.json()
        return found


def told(status: Status) -> dict[str, Any]:
    """The line of the journal (chaos/auditor/README.md) for what a client was told; only for decided sagas."""
    line = {"saga_id": status["saga_id"], "project_id": status["project_id"], "status": "failed"}
    if status["state"] != "committed":
        return line
    return line | {"status": "success", "snapshot_id": status["snapshot_id"]}


def documents(project: str, edition: str, count: int = 6) -> list[dict[str, str]]:
    """A few documents that refer to each other; another ``edition`` changes the text of all and the links of some."""
    shift = int(hashlib.sha256(edition.encode()).hexdigest(), 16) % count
    return [_document(project, edition, number, (number + shift) % count) for number in range(count)]


def _document(project: str, edition: str, number: int, other: int) -> dict[str, str]:
    return {
        "doc_id": f"topic-{number}",
        "title": f"Topic {number}",
        "format": "markdown",
        "source": f"topic-{number}.md",
        "text": f"# Topic {number}\n\nOf {project}, edition {edition}. See [Topic {other}](topic-{other}.md).\n",
    }
