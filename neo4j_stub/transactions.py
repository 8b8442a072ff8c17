"""Explicit transactions that are open over several requests, each with an idle time after which it is rolled back."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from neo4j_stub.errors import QueryFailed, TransactionNotFound
from neo4j_stub.store import GraphStore, GraphTransaction
from service_kit.tokens import Caller

IDLE_SECONDS = 60.0
MAX_OPEN = 100


class OpenTransaction:
    """One open transaction: whose it is, and when it ends by itself."""

    def __init__(self, tx_id: str, owner: Caller, graph: GraphTransaction) -> None:
        self.id, self.owner, self.graph = tx_id, owner, graph
        self.expires = datetime.now(UTC)
        self.lock = threading.Lock()  # one request at a time, and never the clock in the middle of one
        self.closed = False
        self.timer: threading.Timer | None = None


class Transactions:
    """The open transactions of this process.

    Attributes:
        idle: seconds without a request after which a transaction is rolled back.
    """

    def __init__(self, store: GraphStore, *, idle: float = IDLE_SECONDS, max_open: int = MAX_OPEN) -> None:
        self._store, self.idle, self._max_open = store, idle, max_open
        self._open: dict[str, OpenTransaction] = {}
        self._lock = threading.Lock()

    def begin(self, owner: Caller) -> OpenTransaction:
        """A new transaction; raises QueryFailed (transient) when too many are open."""
        with self._lock:
            if len(self._open) >= self._max_open:
                raise QueryFailed(
                    "Neo.TransientError.Transaction.MaximumTransactionLimitReached", "too many open transactions"
                )
            tx = OpenTransaction(secrets.token_hex(4), owner, self._store.begin())
            self._open[tx.id] = tx
        return tx

    @contextmanager
    def using(self, tx_id: str, owner: Caller) -> Iterator[OpenTransaction]:
        """The open transaction for one request. It stays open only if the block ends without an exception.

        Raises:
            TransactionNotFound: unknown, expired, finished, or somebody else's.
        """
        with self._lock:
            tx = self._open.get(tx_id)
        if tx is None or tx.owner != owner:
            raise TransactionNotFound(tx_id)
        with tx.lock:
            if tx.closed:
                raise TransactionNotFound(tx_id)
            try:
                yield tx
            except BaseException:
                self._close(tx, tx.graph.rollback)
                raise
            if not tx.closed:
                self._keep_alive(tx)

    def commit(self, tx: OpenTransaction) -> None:
        """Commit inside ``using``; raises QueryFailed when it is not committed."""
        self._close(tx, tx.graph.commit)

    def rollback(self, tx: OpenTransaction) -> None:
        """Roll back inside ``using``."""
        self._close(tx, tx.graph.rollback)

    def close(self) -> None:
        """Roll back all that is open."""
        for tx in list(self._open.values()):
            with tx.lock:
                self._close(tx, tx.graph.rollback)

    def _keep_alive(self, tx: OpenTransaction) -> None:
        if tx.timer:
            tx.timer.cancel()
        tx.expires = datetime.now(UTC) + timedelta(seconds=self.idle)
        tx.timer = threading.Timer(self.idle, self._expire, [tx])
        tx.timer.daemon = True
        tx.timer.start()

    def _expire(self, tx: OpenTransaction) -> None:
        with tx.lock:
            if datetime.now(UTC) >= tx.expires:  # a request may have kept it alive while the timer waited for the lock
                self._close(tx, tx.graph.rollback)

    def _close(self, tx: OpenTransaction, end: Callable[[], None]) -> None:
        if tx.closed:
            return
        tx.closed = True
        if tx.timer:
            tx.timer.cancel()
        with self._lock:
            self._open.pop(tx.id, None)
        end()
