"""A new version of the program on a log that the former one left: SQLite and PostgreSQL alike, many starting at once.

That a fresh log and one that was brought forward have the same columns is said in test_saga_log_shared.py.
"""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import create_engine, text

from backend.saga.ports import SagaLog
from backend.saga_log import open_saga_log
from tests.contract.saga_logs import LEASE, T, enter, event, fresh_url, in_threads

NUMBERED = {"sqlite": "INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT", "postgresql": "SERIAL PRIMARY KEY"}
VERSION_1 = (
    "CREATE TABLE events (position {numbered}, saga_id VARCHAR(300) NOT NULL, seq INTEGER NOT NULL, "
    "type VARCHAR(40) NOT NULL, step VARCHAR(200), at FLOAT NOT NULL, data TEXT NOT NULL, UNIQUE (saga_id, seq))",
    "CREATE TABLE sagas (number {numbered}, saga_id VARCHAR(300) NOT NULL UNIQUE, saga_type VARCHAR(40) NOT NULL, "
    "project_id VARCHAR(255) NOT NULL, user_id VARCHAR(255) NOT NULL, parameters TEXT NOT NULL, "
    "request_key VARCHAR(255), state VARCHAR(20) NOT NULL, closed BOOLEAN NOT NULL, worker VARCHAR(100), "
    "fence INTEGER NOT NULL, last_seq INTEGER NOT NULL, lease_until FLOAT NOT NULL, wake_at FLOAT NOT NULL, "
    "created_at FLOAT NOT NULL, updated_at FLOAT NOT NULL, UNIQUE (project_id, request_key))",
    "CREATE TABLE meta (schema_version INTEGER NOT NULL)",
    "INSERT INTO meta VALUES (1)",
    "INSERT INTO sagas (saga_id, saga_type, project_id, user_id, parameters, state, closed, worker, fence, last_seq, "
    "lease_until, wake_at, created_at, updated_at) VALUES "
    "('s1', 'wiki', 'p', 'ann', '{{\"n\":1}}', 'pending', false, 'w', 1, 2, 6.0, 0.0, 1.0, 1.0), "
    "('s2', 'wiki', 'q', 'ann', '{{\"n\":1}}', 'pending', false, NULL, 0, 1, 0.0, 0.0, 1.0, 1.0)",
    "INSERT INTO events (saga_id, seq, type, step, at, data) VALUES "
    "('s1', 1, 'saga.requested', NULL, 1.0, '{{}}'), ('s2', 1, 'saga.requested', NULL, 1.0, '{{}}'), "
    '(\'s1\', 2, \'saga.claimed\', NULL, 1.0, \'{{"fence":1,"lost":null,"worker":"w"}}\')',
)


@pytest.fixture(params=["sqlite", "postgresql"])
def version_1(request: pytest.FixtureRequest) -> str:
    """The URL of a log that a program of schema version 1 left, with a saga in the middle."""
    url = fresh_url(request, request.param)
    engine = create_engine(url.replace("postgresql:", "postgresql+psycopg:"))
    with engine.begin() as connection:
        for statement in VERSION_1:
            connection.exec_driver_sql(statement.format(numbered=NUMBERED[request.param]))
    engine.dispose()
    return url


def test_what_was_open_goes_on_with_the_hashes_that_it_would_have_had(version_1):
    brought, fresh = open_saga_log(version_1), open_saga_log("memory:")
    enter(fresh, "s1")
    enter(fresh, "s2", project="q")
    fresh.claim("s1", "w", LEASE, 1.0)
    assert brought.all_events(0, 10) == fresh.all_events(0, 10)
    for log in (brought, fresh):
        log.append("s1", 1, 2, [event(T.BEGUN)])
    ours, theirs = ([replace(entry, position=0) for entry in log.events("s1")] for log in (brought, fresh))
    assert ours == theirs  # PostgreSQL leaves out positions when somebody begins to write
    assert brought.get("s1") == fresh.get("s1")
    brought.close()


def test_backends_and_workers_of_the_new_version_may_all_start_at_once(version_1):
    logs: list[SagaLog] = []
    in_threads([lambda: logs.append(open_saga_log(version_1))] * 4)
    assert [log.last_position() for log in logs] == [3] * 4
    for log in logs:
        log.close()


def test_the_second_start_changes_nothing(version_1):
    open_saga_log(version_1).close()
    again = open_saga_log(version_1)
    before = again.all_events(0, 10)
    again.close()
    once_more = open_saga_log(version_1)
    assert once_more.all_events(0, 10) == before
    once_more.close()


def test_a_log_of_a_newer_program_is_left_alone(version_1):
    open_saga_log(version_1).close()
    engine = create_engine(version_1.replace("postgresql:", "postgresql+psycopg:"))
    with engine.begin() as connection:
        connection.execute(text("UPDATE meta SET schema_version = 1000"))
    with pytest.raises(ValueError, match="schema version 1000"):
        open_saga_log(version_1)
    with engine.begin() as connection:
        assert connection.execute(text("SELECT schema_version FROM meta")).scalar() == 1000
    engine.dispose()
