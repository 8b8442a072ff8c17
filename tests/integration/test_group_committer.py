"""The one thread that writes outlives whatever the database does: without it every writer would wait for ever."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine, event
from sqlalchemy.exc import OperationalError

from backend.saga_log.committer import GroupCommitter
from backend.saga_log.dialect import dialect_of

LIMIT = 10.0  # seconds


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    engine = dialect_of(f"sqlite:///{tmp_path}/log.sqlite3").open()
    with engine.connect() as connection:
        connection.exec_driver_sql("CREATE TABLE told (what TEXT)")
    yield engine
    engine.dispose()


@pytest.fixture
def committer(engine: Engine, tmp_path: Path) -> Iterator[GroupCommitter]:
    committer = GroupCommitter(engine, dialect_of(f"sqlite:///{tmp_path}/log.sqlite3").begin_write)
    yield committer
    committer.close()


def tell(connection: Connection) -> None:
    connection.exec_driver_sql("INSERT INTO told VALUES ('news')")


def tell_and_fail(connection: Connection) -> None:
    tell(connection)
    connection.exec_driver_sql("SELECT nonsense")


def told(connection: Connection) -> int:
    count: int = connection.exec_driver_sql("SELECT count(*) FROM told").scalar_one()
    return count


def test_a_rollback_that_fails_too_costs_its_own_write_and_no_later_one(engine: Engine, committer: GroupCommitter):
    refused = []

    @event.listens_for(engine, "rollback")
    def refuse(connection: Connection) -> None:
        if not refused:
            refused.append(connection)
            raise OperationalError("ROLLBACK", {}, Exception("the connection was cut"))

    with ThreadPoolExecutor(1) as pool:
        with pytest.raises(OperationalError, match="nonsense"):
            pool.submit(committer.write, tell_and_fail, forced=True).result(LIMIT)
        assert len(refused) == 1
        pool.submit(committer.write, tell, forced=True).result(LIMIT)
        assert pool.submit(committer.write, told, forced=False).result(LIMIT) == 1


def test_whoever_opens_a_log_without_a_database_hears_of_it(engine: Engine):
    @event.listens_for(engine, "do_connect")
    def refuse(*_: object) -> None:
        raise OperationalError("connect", {}, Exception("connection refused"))

    engine.dispose()
    with pytest.raises(OperationalError, match="connection refused"):
        GroupCommitter(engine, lambda connection, forced: None)
