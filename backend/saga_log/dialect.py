"""What SQLite and PostgreSQL do differently; everything else of the log is the same SQLAlchemy Core code."""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path
from typing import Any, Protocol

from sqlalchemy import URL, Connection, Engine, create_engine, event, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

SERVER = "postgresql://USER:PASSWORD@HOST:PORT/DATABASE"
EXPECTED = f"sqlite:///PATH, {SERVER} or memory:"
WAIT = 30.0  # seconds that one process waits for another's write
SILENCE = 30  # seconds without a sign of PostgreSQL's machine, after which a connection is given up
IDLE_LIMIT = 5.0  # seconds after which PostgreSQL ends the transaction of a writer that was paused in the middle of it
WRITERS = 0x5A6A10C  # the advisory lock of this log's writers; any number that nobody else uses


class Dialect(Protocol):
    """One database's ways.

    Attributes:
        outlived: whether writers can live on when the database crashes, and loses what was not forced.
    """

    outlived: bool

    def open(self) -> Engine:
        """An engine; its connections take part in the log's protocol."""

    def readers(self, engine: Engine) -> Engine:
        """The same engine for those who only read, one query at a time."""

    def begin_write(self, connection: Connection, forced: bool) -> None:
        """Begin a transaction that no other writer, here or elsewhere, overlaps with.

        One writer at a time is what the log's rules stand on: positions are committed in their order, so that a reader
        who goes on from the last one misses none; two workers that claim see each other's claim; counting what waits
        and adding to it is one step.

        Args:
            forced: the commit returns only when it is on disk (R13).
        """


def dialect_of(url: str) -> Dialect:
    """The dialect that ``url`` names.

    Raises:
        ValueError: it names none. What is shown of it is the scheme at most: there may be a password in it.
    """
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        raise ValueError(f"this is no URL of a saga log: write {EXPECTED}") from None
    match parsed.get_backend_name():
        case "sqlite" if parsed.host or parsed.database in (None, "", ":memory:"):
            raise ValueError(
                "a SQLite log is sqlite:///PATH, with three slashes and a path; one that is lost with its process is"
                " memory:"
            )
        case "sqlite":
            return SQLite(parsed)
        case "postgresql" | "postgres":
            return PostgreSQL(parsed)
    raise ValueError(f"there is no saga log of the kind {parsed.drivername!r}: write {EXPECTED}")


class SQLite:
    """One file in WAL mode: readers are not blocked. What loses an unforced commit, a power cut, ends its writers."""

    outlived = False

    def __init__(self, url: URL) -> None:
        self.url = url

    def open(self) -> Engine:
        if self.url.database:
            Path(self.url.database).parent.mkdir(parents=True, exist_ok=True)
        engine = create_engine(self.url, connect_args={"timeout": WAIT, "check_same_thread": False})

        @event.listens_for(engine, "connect")
        def configure(connection: Any, _: object) -> None:
            connection.isolation_level = None  # transactions begin in begin_write, not where the driver guesses
            try:
                _to_wal(connection)
            except sqlite3.Error:
                connection.close()
                raise

        return engine

    def readers(self, engine: Engine) -> Engine:
        return engine

    def begin_write(self, connection: Connection, forced: bool) -> None:
        """In WAL mode the log is synced on every FULL commit and on none of the NORMAL ones.

        SQLite refuses that pragma inside a transaction, and SQLAlchemy would begin one: hence the driver's own
        connection. A writer that begins as a reader and then finds the file changed cannot go on: hence IMMEDIATE.
        """
        driver: Any = connection.connection.driver_connection
        driver.execute(f"PRAGMA synchronous={'FULL' if forced else 'NORMAL'}")
        connection.exec_driver_sql("BEGIN IMMEDIATE")


class PostgreSQL:
    """A server that several machines' workers share, through psycopg 3.

    Positions come from a sequence, which is outside of transactions: without the writers' lock a number could become
    visible after a higher one, and whoever reads on from the last position would never see it. The lock ends with the
    commit, after the disk has it; every process commits many events at a time, so it is held by one and wanted by few.
    Under it no row needs a lock of its own.
    """

    outlived = True

    def __init__(self, url: URL) -> None:
        self.url = url.set(drivername="postgresql+psycopg")

    def open(self) -> Engine:
        limits = f"-c lock_timeout={WAIT:.0f}s -c idle_in_transaction_session_timeout={IDLE_LIMIT:.0f}s"
        # A machine that is cut off says no goodbye: without these a writer would wait for its answer for hours.
        lost = {"connect_timeout": 10, "keepalives_idle": SILENCE // 2, "tcp_user_timeout": 1000 * SILENCE}
        return create_engine(self.url, connect_args={"options": limits} | lost, pool_pre_ping=True)

    def readers(self, engine: Engine) -> Engine:
        """Without BEGIN and ROLLBACK around a single query: each would be a way to the server and back."""
        return engine.execution_options(isolation_level="AUTOCOMMIT")

    def begin_write(self, connection: Connection, forced: bool) -> None:
        """A forced commit takes those before it along to the disk: PostgreSQL's own log is written in order."""
        if _WRITES not in connection.info:  # the server may have crashed since the last one wrote
            connection.execute(_LOCK, {"key": WRITERS, "sync": "on"})
            connection.execute(_SKIP)
            connection.commit()
            connection.info[_WRITES] = True
        connection.execute(_LOCK, {"key": WRITERS, "sync": "on" if forced else "off"})


def _to_wal(connection: sqlite3.Connection) -> None:
    """Of several processes that open a new file at once SQLite turns all but one away without waiting."""
    deadline = time.monotonic() + WAIT
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_READONLY or time.monotonic() > deadline:
                raise
            time.sleep(0.01)


_LOCK = text("SELECT pg_advisory_xact_lock(:key), set_config('synchronous_commit', :sync, true)")
# A crash may lose events that somebody has read, and the sequence goes back with them. Whoever follows the log by its
# positions must find what is written next behind them: so many are more than anybody writes unforced in a second.
_SKIP = text(
    "SELECT setval(its, nextval(its) + 10000)"
    " FROM (SELECT to_regclass('events_position_seq') AS its) AS sequence WHERE its IS NOT NULL"
)
_WRITES = "saga log: writes"  # what is known of a connection for as long as it lasts
