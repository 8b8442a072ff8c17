"""The public face: build a saga, run it, ask how it stands.

    saga = DistributedSaga("book-trip-1")
    saga.add_step("Reserve hotel", action=reserve_hotel, compensation=cancel_hotel)
    saga.execute()

``WikiGenerationSaga`` is the one of this project. Both run in the caller's process, without worker or backend.
"""

from __future__ import annotations

import math
import os
import re
import secrets
import socket
from collections.abc import Mapping
from contextlib import suppress
from functools import lru_cache
from typing import Any

from backend.adapters import SystemClock, draw, log_event, run_together
from backend.clients.filesystem import FilesystemClient
from backend.clients.git import GitClient
from backend.clients.transport import HeaderSource, HttpLink
from backend.lease import Heartbeat
from backend.saga.definition import SagaDefinition, SagaStep, StepCall
from backend.saga.errors import Refused, SagaExists, Unclear
from backend.saga.events import Event, EventType
from backend.saga.history import History, read_history
from backend.saga.ports import NewSaga, SagaLog
from backend.saga.runner import OpenSaga, SagaRunner
from backend.saga.state import SagaState, StepKind
from backend.saga.status import status_of
from backend.saga_log import DEFAULT_URL, open_saga_log
from backend.wiki.saga import CREATE_SNAPSHOT, SAVE_FILES, Participants, wiki_saga

INLINE = "inline"
"""The saga type of sagas that run in their caller's process; workers leave them alone."""
LEASE = 10.0  # seconds
PROJECT_ID = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,98}[A-Za-z0-9])?", re.ASCII)
"""What a project may be called: it becomes a folder, a repository and part of addresses."""


class DistributedSaga:
    """A saga of your own: add steps, execute, and it is all or nothing.

    Executing a saga id that the log knows already resumes it: a closed one answers as it did the first time, one that
    was cut off by a crash is rolled back or, past its commit record, completed (R9).

    Args:
        saga_id: unique for ever; it is part of every idempotency key.
        log: where events are kept. By default the log that ``SAGA_LOG_URL`` names, else ``saga-log.sqlite3`` here.
        deadline: Unix time in seconds (``time.time() + 30``) after which no forward attempt begins.

    Raises:
        ValueError: an id that the log has no room for, a deadline that is no time; the message names it.
    """

    def __init__(
        self,
        saga_id: str,
        *,
        project_id: str = "",
        user_id: str = "",
        log: SagaLog | None = None,
        deadline: float | None = None,
    ) -> None:
        if deadline is not None and not (isinstance(deadline, int | float) and math.isfinite(deadline)):
            raise ValueError(f"deadline: a Unix time in seconds is expected, not {deadline!r}")
        self._new = NewSaga(saga_id, INLINE, project_id, user_id, {})
        self.project_id, self.user_id, self.deadline = project_id, user_id, deadline
        self.steps: list[SagaStep] = []
        self._log = log
        self._clock = SystemClock()

    def add_step(
        self,
        name: str,
        action: StepCall,
        compensation: StepCall | None = None,
        *,
        kind: StepKind = StepKind.COMPENSABLE,
        parallel_group: str | None = None,
        confirm: StepCall | None = None,
        **more: Any,
    ) -> DistributedSaga:
        """Append a step; see SagaStep for what ``more`` may say (retry, timeout, intent).

        Raises:
            ValueError: a name that the log has no room for.
        """
        step = SagaStep(name, action, compensation, confirm, kind, parallel_group, **more)
        self.steps.append(step)
        return self

    def execute(self) -> dict[str, Any]:
        """Run to the end.

        Returns:
            ``{"status": "success", "results": {step: result}, "saga_status": ...}`` or
            ``{"status": "failed", "error": ..., "saga_status": ...}``.

        Raises:
            DefinitionError: the steps do not make a saga, or are others than those that this saga began with.
            LeaseLost: another process is executing this saga right now.
            HistoryLost: the log's database crashed meanwhile; execute the saga again once its lease is over.
            KeyboardInterrupt, SystemExit: after the rollback that they bring about.
        """
        definition = SagaDefinition(tuple(self.steps))
        worker = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}"
        if (history := self._enter()).closed:
            return self._answer(history)
        definition.must_go_on(history.order)  # before the claim, which would hold the saga for a lease
        record = self.log.claim(self.saga_id, worker, LEASE, self._clock.now())
        saga = OpenSaga(self.saga_id, record.fence, definition, self.deadline)
        saga.take_in(self.log.events(self.saga_id))
        with Heartbeat(self.log, self._clock, worker, LEASE, lambda: [self.saga_id]):
            self._run(saga)
        if not saga.history.closed:  # parked; one that is closed was given back by its last event
            self.log.release(self.saga_id, record.fence, self._clock.now())
        return self._answer(saga.history)

    def get_status(self) -> dict[str, Any]:
        """The saga's status as the log has it; ``{"state": "pending"}`` before it was executed."""
        return status_of(self.saga_id, self._history())

    @property
    def saga_id(self) -> str:
        """Under which the log knows this saga."""
        return self._new.saga_id

    @property
    def log(self) -> SagaLog:
        """The log that this saga is written to."""
        if self._log is None:
            self._log = _default_log(os.environ.get("SAGA_LOG_URL", DEFAULT_URL))
        return self._log

    def _enter(self) -> History:
        asked = {"project": self.project_id, "user": self.user_id}
        with suppress(SagaExists):  # then it is resumed
            # Not forced: nobody was promised anything yet, and the begin record will be.
            self.log.create(self._new, Event(EventType.REQUESTED, self._clock.now(), None, asked), forced=False)
        return self._history()

    def _run(self, saga: OpenSaga) -> None:
        runner = SagaRunner(self.log, self._clock, draw, run_together, log_event)
        try:
            runner.run(saga)
        except (KeyboardInterrupt, SystemExit):
            saga.take_in(self.log.events(self.saga_id, saga.known_seq))
            cancel = {"by": self.user_id, "reason": "interrupted"}
            runner.record(saga, Event(EventType.CANCEL_REQUESTED, self._clock.now(), None, cancel))
            runner.run(saga)
            raise

    def _history(self) -> History:
        return read_history(entry.event for entry in self.log.events(self.saga_id))

    def _answer(self, history: History) -> dict[str, Any]:
        status = status_of(self.saga_id, history)
        if history.state is SagaState.COMMITTED:
            return {"status": "success", "results": history.results, "saga_status": status}
        return {"status": "failed", "error": history.error, "saga_status": status}


class WikiGenerationSaga(DistributedSaga):
    """Stores a generated wiki: files to filesystem_server, then a snapshot at git_server, all or nothing.

    Args:
        internal_headers: the headers of every call, or a function that makes them (tokens expire).
        saga_id: of a saga that a crash cut off, to bring it to its end. By default a new one.

    Raises:
        ValueError: a project id that cannot be a folder name, or a user id that the log has no room for.
    """

    def __init__(
        self,
        project_id: str,
        user_id: str,
        filesystem_url: str,
        git_url: str,
        internal_headers: HeaderSource,
        *,
        saga_id: str | None = None,
        log: SagaLog | None = None,
        deadline: float | None = None,
    ) -> None:
        new_id = new_saga_id(project_id)
        super().__init__(saga_id or new_id, project_id=project_id, user_id=user_id, log=log, deadline=deadline)
        self._created_at = self._clock.now()
        self.participants = Participants(
            filesystem=FilesystemClient(HttpLink(filesystem_url, internal_headers)),
            git=GitClient(HttpLink(git_url, internal_headers)),
        )

    def execute_with_consistency(self, generated_files: Mapping[str, str]) -> dict[str, Any]:
        """Store ``generated_files`` (name to content).

        Returns:
            ``{"status": "success", "files_created": n, "snapshot_id": id, "message": ...}`` or
            ``{"status": "failed", "error": ..., "saga_status": ...}``. Nothing of it is left when the state in
            ``saga_status`` is ``rolled_back``; when it is ``failed`` a participant could not be reached for its
            compensation, and executing the saga again goes on with it.

        Raises:
            ValueError: files that are not text by name.
        """
        if not isinstance(generated_files, Mapping) or not all(
            isinstance(text, str) for entry in generated_files.items() for text in entry
        ):
            raise ValueError("generated_files: a mapping of file names to text is expected")
        saga = wiki_saga(self.saga_id, self.project_id, self.participants, generated_files, created_at=self._created_at)
        self.steps = list(saga.steps)
        answer = self.execute()
        if answer["status"] != "success":
            return answer
        return {
            "status": "success",
            "files_created": len(answer["results"][SAVE_FILES]["files"]),
            "snapshot_id": answer["results"][CREATE_SNAPSHOT]["snapshot_id"],
            "message": "Wiki generation completed",
            "saga_status": answer["saga_status"],
        }


def new_saga_id(project_id: str) -> str:
    """``wiki-<project>-<unique>``, chosen before the first call.

    Raises:
        ValueError: a project id that cannot be a folder name.
    """
    if not PROJECT_ID.fullmatch(project_id):
        raise ValueError(
            f"project_id {project_id!r}: 1 to 100 of A-Z a-z 0-9 . _ -, beginning and ending with one of A-Z a-z 0-9"
        )
    return f"wiki-{project_id}-{secrets.token_hex(8)}"


@lru_cache(maxsize=4)
def _default_log(url: str) -> SagaLog:
    return open_saga_log(url)


__all__ = [
    "DistributedSaga",
    "Refused",
    "SagaState",
    "SagaStep",
    "StepKind",
    "Unclear",
    "WikiGenerationSaga",
    "new_saga_id",
]
