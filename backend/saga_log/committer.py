"""Group commit: one thread writes; what several sagas want forced at the same time shares one force (R13)."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine

R = TypeVar("R")
BATCH = 200


@dataclass
class _Write:
    work: Callable[[Connection], Any]
    forced: bool
    answer: Future[Any] = field(default_factory=Future)


class GroupCommitter:
    """Runs writes in the order given, many to a transaction; a write returns once its transaction is committed.

    A write may raise a saga error before it changes anything; the other writes of its batch are not touched by it.

    Args:
        begin: begins a transaction that shuts other writers out, forced to disk at its commit or not.
    """

    def __init__(self, engine: Engine, begin: Callable[[Connection, bool], None]) -> None:
        self._engine, self._begin = engine, begin
        self._queue: queue.SimpleQueue[_Write | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._serve, name="saga-log-writer", daemon=True)
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

    def _serve(self) -> None:
        with self._engine.connect().execution_options(writer=True) as connection:
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
        forced = any(entry.forced for entry in batch)
        try:
            self._begin(connection, forced)
            answers = [_attempt(entry, connection) for entry in batch]
            connection.commit()
        except Exception as error:  # the whole transaction failed: everybody who waits for it must know
            connection.rollback()
            for entry in batch:
                entry.answer.set_exception(error)
            return
        for entry, (result, problem) in zip(batch, answers, strict=True):
            if problem is None:
                entry.answer.set_result(result)
            else:
                entry.answer.set_exception(problem)


def _attempt(entry: _Write, connection: Connection) -> tuple[Any, Exception | None]:
    """One writer's refusal (a lost lease) must not undo what the others of the batch wrote: hence the savepoint."""
    savepoint = connection.begin_nested()
    try:
        result = entry.work(connection)
    except Exception as error:
        savepoint.rollback()
        return None, error
    savepoint.commit()
    return result, None
