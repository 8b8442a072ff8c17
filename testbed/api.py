"""A small client for the backend's API, for the commands."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote

import requests

from chaos.running_system import RunningSystem
from testbed.errors import Failure

TIMEOUT = 60.0  # seconds; the backend itself waits for the document store
PAGE = 200  # sagas a call
_ATTEMPTS = 3
_PAUSE = 0.5  # seconds before a call is tried again

Json = dict[str, Any]


class Refused(Failure):
    """The backend said no; ``kind`` is the stable word of its problem."""

    def __init__(self, status: int, kind: str, message: str) -> None:
        super().__init__(message)
        self.status, self.kind = status, kind


class Backend:
    """The backend of a running system, with the rights of ``user``.

    Every method raises Refused for a no, and Failure when no answer comes. Calls are repeated a few times when the
    connection fails: all of them may be (R3), a start because of its key.
    """

    def __init__(self, system: RunningSystem, user: str) -> None:
        self._url = system.url("backend")
        self._session = requests.Session()
        self._session.trust_env = False  # no proxies, no .netrc
        self._session.headers["Authorization"] = f"Bearer {system.user_token(user)}"

    def add_documents(self, project: str, documents: Sequence[Mapping[str, str]]) -> int:
        """Add or replace documents; returns how many."""
        answer = self._call("POST", f"/api/projects/{_part(project)}/documents", {"documents": list(documents)})
        return int(answer["added"])

    def start_generation(self, project: str, key: str, on_busy: str) -> Json:
        """Start generating a wiki; the saga's status and ``status_url``.

        Args:
            key: the Idempotency-Key.
            on_busy: ``wait`` or ``reject``.
        """
        path = f"/api/projects/{_part(project)}/wiki"
        return self._call("POST", path, query={"on_busy": on_busy}, headers={"Idempotency-Key": key})

    def saga(self, saga_id: str) -> Json:
        """One saga's status."""
        return self._call("GET", f"/api/sagas/{_part(saga_id)}")

    def events(self, saga_id: str, after: int = 0) -> list[Json]:
        """One saga's history after its event number ``after``."""
        found: list[Json] = self._call("GET", f"/api/sagas/{_part(saga_id)}/events", query={"after": after})["events"]
        return found

    def sagas(self, project: str | None, state: str | None) -> Iterator[Json]:
        """All sagas, newest first; asked for page by page."""
        query: Json = {"limit": PAGE, "project": project, "state": state}
        while True:
            page = self._call("GET", "/api/sagas", query=query)
            yield from page["sagas"]
            if not page["next"]:
                return
            query["before"] = page["next"]

    def operate(self, verb: str, saga_id: str, *, reason: str, by: str, dry_run: bool) -> Json:
        """``retry``, ``skip`` or ``cancel``: the saga's status after it, or with ``dry_run`` what would be done."""
        body = {"reason": reason, "by": by, "dry_run": dry_run}
        return self._call("POST", f"/api/sagas/{_part(saga_id)}/{verb}", body)

    def _call(
        self,
        method: str,
        path: str,
        body: Json | None = None,
        query: Json | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Json:
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                answer = self._session.request(
                    method, self._url + path, json=body, params=query, headers=headers, timeout=TIMEOUT
                )
                return _content(answer)
            except requests.RequestException as error:
                if attempt == _ATTEMPTS:
                    raise Failure(
                        f"the backend at {self._url} does not answer ({type(error).__name__}): see `testbed status`"
                    ) from None
                time.sleep(_PAUSE)
        raise AssertionError("unreachable")


def _content(answer: requests.Response) -> Json:
    if answer.ok:
        found: Json = answer.json()
        return found
    try:
        problem = answer.json()
        kind, detail = str(problem["type"]), str(problem.get("detail") or problem["title"])
    except (ValueError, KeyError, TypeError):
        kind, detail = "", answer.reason
    raise Refused(answer.status_code, kind, f"the backend answered {answer.status_code} {kind}: {detail}")


def _part(text: str) -> str:
    """One part of a path, whatever the user typed."""
    return quote(text, safe="")
