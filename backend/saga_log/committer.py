"""Group commit: one thread writes; what several sagas want forced at the same time shares one force (R13)."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine

from backend.saga.errors import SagaError

R = TypeVar("R")
BATCH = 200


@dataclass
class _Write:
    work: Callable[[Connection], Any]
    forced: bool
    answer: Future[Any] = field(default_factory=Future)


class GroupCommitter:
    """Runs writes in the order given, many to a transaction; a write returns once its transaction is committed.

    A write that is refused raises a SagaError before it changes anything; that touches no other write of its batch.

    Args:
        begin: begins a transaction that shuts other writers out, forced to disk at its commit or not.
    """

    def __init__(self, engine: Engine, begin: Callable[[Connection, bool], None]) -> None:
        self._begin = begin
        self._queue: queue.SimpleQueue[_Write | None] = queue.SimpleQueue()
        connection = engine.connect()  # here, where who wants the log hears of it if there is none
        self._thread = threading.Thread(target=self._serve, args=(connection,), name="saga-log-writer", daemon=True)
        self._thread.start()

    def write(self, work: Callable[[Connection], R], *, forced: bool) -> R:
        """Run ``work`` in a transaction and wait for its commit; with ``forced`` it is on disk when this returns."""
        entry = _Write(work, forced)
        self._queue.put(entry)
        answer: R = entry.answer.result()
        return answer

    def close(self) -> None:
        """Write what is queued, then stop."""
        self._queue.put(None)
        self._thread.join()

    def _serve(self, connection: Connection) -> None:
        with connection:
            while (first := self._queue.get()) is not None:
                batch, more = self._gather(first)
                self._commit(connection, batch)
                if not more:
                    return

    def _gather(self, first: _Write) -> tuple[list[_Write], bool]:
        batch = [first]
        while len(batch) < BATCH:
            try:
                entry = self._queue.get_nowait()
            except queue.Empty:
                break
            if entry is None:
                return batch, False
            batch.append(entry)
        return batch, True

    def _commit(self, connection: Connection, batch: list[_Write]) -> None:
        """Commit ``batch``; if one of its writes breaks the transaction each gets a transaction of its own."""
        try:
            self._begin(connection, any(entry.forced for entry in batch))
            answers = [_attempt(entry, connection) for entry in batch]
        except Exception as error:
            _roll_back(connection)
            if len(batch) == 1:
                batch[0].answer.set_exception(error)
                return
            for entry in batch:
                self._commit(connection, [entry])
            return
        try:
            connection.commit()
        except Exception as error:  # whether it was committed may not be known: everybody who waits must know that
            _roll_back(connection)
            answers = [(None, error)] * len(batch)
        for entry, (result, problem) in zip(batch, answers, strict=True):
            if problem is None:
                entry.answer.set_result(result)
            else:
                entry.answer.set_exception(problem)


def _roll_back(connection: Connection) -> None:
    """Never raises: without its thread nobody could write any more. What cannot be rolled back is connected anew."""
    try:
        connection.rollback()
    except Exception:
        connection.invalidate()


def _attempt(entry: _Write, connection: Connection) -> tuple[Any, Exception | None]:
    try:
        return entry.work(connection), None
    except SagaError as refusal:
        return None, refusal
