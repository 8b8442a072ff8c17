"""The backend's API as a user of the system sees it."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote

import requests

from chaos.running_system import RunningSystem

TIMEOUT = 60.0  # seconds for one answer; the backend itself waits for the document store
POLL = 0.1
PAGE = 200  # sagas in one answer
USER = "chaos"
DECIDED = ("committed", "rolled_back", "failed")
Json = dict[str, Any]
Status = Json


class BackendClient:
    """Calls the backend directly, not through the fault proxy: what is told to users must come through.

    All methods raise requests.RequestException for what is no success.
    """

    def __init__(self, system: RunningSystem, user: str = USER) -> None:
        self.url = system.url("backend")
        self._session = requests.Session()
        self._session.trust_env = False  # no proxies, no .netrc
        self._session.headers["Authorization"] = f"Bearer {system.user_token(user)}"

    def add_documents(self, project: str, documents: Sequence[Mapping[str, str]]) -> int:
        """Add ``documents`` to the project, replacing those of the same doc_id; returns how many."""
        body = {"documents": list(documents)}
        return int(self._call("POST", f"/api/projects/{_part(project)}/documents", body)["added"])

    def start(self, project: str, key: str | None = None, on_busy: str = "wait") -> Status:
        """Start a generation.

        Args:
            key: the Idempotency-Key.
            on_busy: ``wait`` or ``reject``.
        """
        headers = {"Idempotency-Key": key} if key else {}
        return self._call("POST", f"/api/projects/{_part(project)}/wiki", query={"on_busy": on_busy}, headers=headers)

    def status(self, saga_id: str) -> Status:
        return self._call("GET", f"/api/sagas/{_part(saga_id)}")

    def events(self, saga_id: str, after: int = 0) -> list[Json]:
        """The saga's history after its event number ``after``."""
        found: list[Json] = self._call("GET", f"/api/sagas/{_part(saga_id)}/events", query={"after": after})["events"]
        return found

    def sagas(self, project: str | None = None, state: str | None = None) -> Iterator[Json]:
        """All sagas, newest first; asked for page by page."""
        query: Json = {"limit": PAGE, "project": project, "state": state}
        while True:
            page = self._call("GET", "/api/sagas", query=query)
            yield from page["sagas"]
            if not page["next"]:
                return
            query["before"] = page["next"]

    def statistics(self, window: float) -> Json:
        """Rates, latencies and failures of the sagas that were asked for in the last ``window`` seconds."""
        return self._call("GET", "/api/stats", query={"window": window})

    def operate(self, saga_id: str, verb: str, reason: str, *, by: str | None = None, dry_run: bool = False) -> Status:
        """Cancel, retry or skip, as an operator: the status after it, or with ``dry_run`` what would be done.

        A 409 says that the saga's state does not allow it.
        """
        body = {"reason": reason, "by": by, "dry_run": dry_run}
        return self._call("POST", f"/api/sagas/{_part(saga_id)}/{verb}", body)

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
        self,
        method: str,
        path: str,
        body: object | None = None,
        query: Json | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Json:
        answer = self._session.request(
            method, self.url + path, json=body, params=query, headers=headers, timeout=TIMEOUT
        )
        answer.raise_for_status()
        found: Json = answer.json()
        return found


def _part(text: str) -> str:
    """One part of a path, whatever the user typed."""
    return quote(text, safe="")


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
