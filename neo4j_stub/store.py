"""The graph: kglite, a Cypher engine in this process, with a write-ahead log that is forced before a commit returns.

One writer at a time: the engine's transactions are optimistic, and a lock in front of them spares everybody the
conflicts. Readers see the last committed graph and never wait. No HTTP here.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import kglite

from neo4j_stub import cypher_text, engine_quirks
from neo4j_stub.engine_errors import translated
from neo4j_stub.errors import QueryFailed

WRITER_WAIT_SECONDS = 10.0
STATEMENT_SECONDS = 30.0
LEASE_SECONDS = 10.0  # a gunicorn worker notices within a second or two that its master was killed
_SYNTAX = "Neo.ClientError.Statement.SyntaxError"


@dataclass(frozen=True)
class Answer:
    """What a statement answered.

    Attributes:
        rows: one sequence of engine values a row, in the order of ``fields``.
        counters: what it changed, in the engine's words; empty when it only read.
    """

    fields: Sequence[str]
    rows: Sequence[Sequence[Any]]
    counters: Mapping[str, int]


@dataclass(frozen=True)
class Statement:
    """One statement with its parameters.

    Attributes:
        read_only: refuse to write (access mode Read).
        timeout: seconds it may run.
    """

    text: str
    parameters: Mapping[str, Any]
    read_only: bool = False
    timeout: float = STATEMENT_SECONDS

    def checked_text(self) -> str:
        """The text for the engine.

        Raises:
            QueryFailed: what the engine would take and Neo4j does not.
        """
        text = cypher_text.without_block_comments(self.text)
        if (count := cypher_text.count_statements(text)) != 1:
            raise QueryFailed(_SYNTAX, f"Expected exactly one statement per query but got: {count}")
        if clause := cypher_text.cannot_end(text):
            raise QueryFailed(
                _SYNTAX, f"Query cannot conclude with {clause} (must be a RETURN clause or an update clause)"
            )
        return text


class GraphStore:
    """A durable graph in ``folder``; only one process can hold it. Raises kglite.WriterLeaseHeldError when one does."""

    def __init__(self, folder: Path, *, writer_wait: float = WRITER_WAIT_SECONDS) -> None:
        kglite.set_query_warning_policy("silent")
        folder.mkdir(parents=True, exist_ok=True)
        self._session = _open(folder / "graph.kgl")
        engine_quirks.skip_used_ids(self._session)
        self._writer = threading.Lock()
        self._writer_wait = writer_wait

    def run(self, statement: Statement) -> Answer:
        """Run ``statement`` as a transaction of its own; what it wrote is on disk when this returns.

        Raises:
            QueryFailed: nothing of it is in the graph.
        """
        text = statement.checked_text()
        try:
            return self.read(text, statement)
        except kglite.ReadOnlyError as refused:
            if statement.read_only:
                raise _writes_in_read_mode() from refused
        self.lock_writer()
        try:
            return _answer(self._session.execute, self._session.execute, text, statement)
        finally:
            self.unlock_writer()

    def begin(self) -> GraphTransaction:
        """An open transaction. It takes the writer's lock with its first write and holds it until its end."""
        return GraphTransaction(self)

    def read(self, text: str, statement: Statement) -> Answer:
        """Run a statement on the last committed graph; raises kglite.ReadOnlyError when it would write."""
        return _answer(self._session.cypher, self._declare, text, statement)

    def _declare(self, text: str) -> None:
        self.lock_writer()
        try:
            self._session.execute(text)
        finally:
            self.unlock_writer()

    def begin_in_engine(self) -> Any:
        """The engine's own transaction; hold the writer's lock before."""
        return self._session.begin()

    def lock_writer(self) -> None:
        """Wait for the writer's lock.

        Raises:
            QueryFailed: transient, another transaction keeps it for too long.
        """
        if not self._writer.acquire(timeout=self._writer_wait):
            raise QueryFailed(
                "Neo.TransientError.Transaction.LockAcquisitionTimeout", "another transaction holds the write lock"
            )

    def unlock_writer(self) -> None:
        """Let the next writer in."""
        self._writer.release()

    def version(self) -> int:
        """The number of the last commit."""
        return int(self._session.version())

    def check(self) -> None:
        """Raise when the graph cannot answer."""
        self._session.cypher("RETURN 1 AS alive")

    def close(self) -> None:
        """Write a checkpoint and let go of the files."""
        if not self._session.closed:
            self._session.close()


class GraphTransaction:
    """Several statements, all or nothing. Until its first write it reads the last committed graph (read committed)."""

    def __init__(self, store: GraphStore) -> None:
        self._store = store
        self._writing: Any = None

    def run(self, statement: Statement) -> Answer:
        """Run one statement in the transaction; raises QueryFailed, after which only ``rollback`` makes sense."""
        text = statement.checked_text()
        if self._writing is None:
            try:
                return self._store.read(text, statement)
            except kglite.ReadOnlyError as refused:
                if statement.read_only:
                    raise _writes_in_read_mode() from refused
            self._store.lock_writer()
            self._writing = self._store.begin_in_engine()
        return _answer(self._writing.cypher, self._writing.cypher, text, statement)

    def commit(self) -> None:
        """Make the transaction durable and visible; raises QueryFailed when it is not."""
        self._end(commit=True)

    def rollback(self) -> None:
        """Drop all that the transaction wrote."""
        self._end(commit=False)

    def _end(self, *, commit: bool) -> None:
        writing, self._writing = self._writing, None
        if writing is None:
            return
        try:
            writing.commit() if commit else writing.rollback()
        except (kglite.KgError, OSError) as error:
            raise translated(error) from error
        finally:
            self._store.unlock_writer()


def _open(path: Path) -> Any:
    """Open the graph, which one process at a time may; a predecessor that was told to end may still be at it."""
    deadline = time.monotonic() + LEASE_SECONDS
    while True:
        try:
            return kglite.open_session(str(path), durable="full")
        except kglite.WriterLeaseHeldError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


def _answer(run: Any, declare: Callable[[str], object], text: str, statement: Statement) -> Answer:
    milliseconds = max(1, int(statement.timeout * 1000))
    try:
        result = engine_quirks.with_declared_properties(
            lambda: run(text, params=dict(statement.parameters), timeout_ms=milliseconds), declare
        )
    except kglite.ReadOnlyError:
        raise
    except (kglite.KgError, OSError, ValueError, TypeError, OverflowError) as error:
        raise _failed(error, text) from error
    return Answer(
        result.columns, [[row[name] for name in result.columns] for row in result.to_list()], result.stats or {}
    )


def _failed(error: Exception, text: str) -> QueryFailed:
    """Neo4j streams: a failure while running finds the answer begun, unless the statement answers no rows."""
    failure = translated(error)
    if failure.running and cypher_text.last_clause(text) == "RETURN":
        failure.fields = cypher_text.returned_fields(text)
    return failure


def _writes_in_read_mode() -> QueryFailed:
    return QueryFailed(
        "Neo.ClientError.Statement.AccessMode", "Writing in read access mode not allowed. Attempted write to neo4j"
    )
