"""Several processes on one saga log: here each has a log object of its own, with its own connections and writer."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.exc import DBAPIError

from backend.saga.errors import LeaseLost, ProjectBusy, SagaExists, TooManyWaiting
from backend.saga.ports import Admission, SagaLog
from backend.saga_log import open_saga_log
from tests.contract.fault_proxy_rig import PATIENCE, eventually
from tests.contract.saga_logs import LEASE, TYPES, T, enter, event, fresh_url, in_threads

Opener = Callable[[], SagaLog]


@pytest.fixture(params=["sqlite", "postgresql"])
def another(request: pytest.FixtureRequest) -> Iterator[Opener]:
    """Opens the same log once more."""
    url, opened = fresh_url(request, request.param), []

    def open_one() -> SagaLog:
        opened.append(open_saga_log(url))
        return opened[-1]

    yield open_one
    for log in opened:
        log.close()


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_many_processes_may_make_the_tables_at_once(request, kind):
    url = fresh_url(request, kind)
    logs: list[SagaLog] = []
    in_threads([lambda: logs.append(open_saga_log(url))] * 4)
    assert [log.last_position() for log in logs] == [0] * 4
    for log in logs:
        log.close()


def test_no_saga_is_claimed_twice_and_no_project_has_two_at_work(another):
    logs = [another() for _ in range(4)]
    for number in range(40):
        enter(logs[0], f"s{number:02}", project=f"p{number % 10}")
    taken: list[tuple[str, str]] = []

    def claim_all(log: SagaLog, worker: str) -> None:
        while (record := log.claim_next(worker, 60.0, 1.0, TYPES)) is not None:
            taken.append((record.project_id, record.saga_id))

    def rush() -> None:
        in_threads([lambda log=log, n=n: claim_all(log, f"w{n}") for n, log in enumerate(logs)])

    rush()
    assert sorted(taken) == [(f"p{number}", f"s{number:02}") for number in range(10)]  # the first of each project
    for _, saga_id in taken:
        logs[1].append(saga_id, 1, 2, [event(T.ROLLED_BACK)])
    rush()
    assert sorted(saga_id for _, saga_id in taken) == [f"s{number:02}" for number in range(20)]


def test_looking_for_work_where_there_is_none_keeps_nobody_from_writing(another):
    idle, busy = another(), another()
    enter(busy, "s1", at=5.0)
    busy.claim("s1", "one", LEASE, 5.0)
    with busy._engine.connect() as holder:
        busy._committer._begin(holder, False)
        assert idle.claim_next("two", LEASE, 6.0, TYPES) is None  # would wait for the holder if it wrote
        holder.rollback()


def test_a_worker_whose_saga_went_to_another_process_can_write_nothing(another):
    one, two = another(), another()
    enter(one, "s1")
    old = one.claim_next("one", LEASE, 1.0, TYPES)
    assert two.claim_next("two", LEASE, 1.0 + LEASE / 2, TYPES) is None
    new = two.claim_next("two", LEASE, 1.0 + LEASE, TYPES)
    with pytest.raises(LeaseLost, match="taken over"):
        one.append("s1", old.fence, 2, [event(T.BEGUN)])
    one.release("s1", old.fence, 0.0)
    one.renew("one", LEASE, 2.0, ["s1"])
    assert (two.get("s1").worker, two.get("s1").fence) == ("two", new.fence)
    two.append("s1", new.fence, 3, [event(T.BEGUN)])


def test_a_reader_who_follows_the_log_misses_no_position_however_late_a_transaction_commits(another):
    writers, reader = [another() for _ in range(3)], another()
    for number, log in enumerate(writers):
        enter(log, f"s{number}", project=f"p{number}")
    fences = [log.claim(f"s{number}", f"w{number}", 60.0, 1.0).fence for number, log in enumerate(writers)]
    over, seen = threading.Event(), []

    def follow() -> None:
        last_look = False
        while not last_look:
            last_look = over.is_set()
            while batch := reader.all_events(seen[-1].position if seen else 0, 7):
                seen.extend(batch)

    def write(number: int) -> None:
        for seq in range(2, 62):
            kind = T.COMMITTED if seq % 3 == 0 else T.STEP_STARTED  # some forced to disk, and so later than others
            writers[number].append(f"s{number}", fences[number], seq, [event(kind)])

    follower = threading.Thread(target=follow)
    follower.start()
    in_threads([lambda number=number: write(number) for number in range(3)])
    over.set()
    follower.join()
    assert [entry.position for entry in seen] == sorted({entry.position for entry in seen})
    assert len(seen) == 3 * 62
    for number in range(3):
        assert [entry.seq for entry in seen if entry.saga_id == f"s{number}"] == list(range(1, 63))


def test_the_queues_bound_holds_across_processes(another):
    logs = [another() for _ in range(4)]
    refused: list[Exception] = []

    def come(number: int) -> None:
        try:
            enter(logs[number % 4], f"s{number}", admission=Admission(waiting_per_project=5))
        except TooManyWaiting as full:
            refused.append(full)

    in_threads([lambda number=number: come(number) for number in range(16)])
    assert (len(logs[0].find(project_id="p")), len(refused)) == (5, 11)


def test_of_many_who_would_not_wait_one_gets_the_project(another):
    logs = [another() for _ in range(4)]
    refused: list[Exception] = []

    def come(number: int) -> None:
        try:
            enter(logs[number], f"s{number}", admission=Admission(only_if_free=True))
        except ProjectBusy as busy:
            refused.append(busy)

    in_threads([lambda number=number: come(number) for number in range(4)])
    assert (len(logs[0].find(project_id="p")), len(refused)) == (1, 3)


def test_a_refusal_takes_nothing_along_of_what_was_written_in_its_transaction(another):
    log, other, at_work = another(), another(), threading.Event()
    enter(log, "s1", key="k")
    begin, queue = log._committer._begin, log._committer._queue
    log._committer._begin = lambda connection, forced: (at_work.set(), begin(connection, forced))
    with other._engine.connect() as holder, ThreadPoolExecutor(3) as pool:
        begin(holder, False)  # while somebody else writes the log, its own writes gather
        pool.submit(enter, log, "s2")
        assert at_work.wait(PATIENCE)
        second = pool.submit(enter, log, "s3")
        eventually(lambda: queue.qsize() == 1)
        refused = pool.submit(enter, log, "s4", key="k")
        eventually(lambda: queue.qsize() == 2)
        holder.rollback()
        with pytest.raises(SagaExists):
            refused.result()
        second.result()
    assert [log.get(saga_id).last_seq for saga_id in ("s1", "s2", "s3")] == [1, 1, 1]


@pytest.fixture
def on_postgres(request: pytest.FixtureRequest) -> Iterator[tuple[SagaLog, str]]:
    url = fresh_url(request, "postgresql")
    log = open_saga_log(url)
    yield log, url
    log.close()


def test_a_log_whose_connections_were_cut_goes_on(on_postgres):
    log, url = on_postgres
    enter(log, "s1")
    engine = create_engine(url.replace("postgresql:", "postgresql+psycopg:"))
    with engine.begin() as connection:
        others = (
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND usename = :me"
        )
        connection.execute(text(others), {"me": "tester"})
    engine.dispose()
    with pytest.raises(DBAPIError):  # whether it was written is not known: the caller must know that
        enter(log, "s2")
    enter(log, "s3")
    assert next(record.saga_id for record in log.find()) == "s3"


def test_a_writer_that_is_paused_in_the_middle_does_not_hold_up_the_others_for_ever(on_postgres):
    log, url = on_postgres
    enter(log, "s1")
    engine = create_engine(url.replace("postgresql:", "postgresql+psycopg:"))
    paused = log._engine.connect()  # a second writer, as begin_write makes one, that then says nothing more
    from backend.saga_log.dialect import dialect_of

    dialect_of(url).begin_write(paused, True)
    enter(log, "s2")
    with pytest.raises(DBAPIError):
        paused.execute(text("SELECT 1"))
    paused.close()
    engine.dispose()
    assert log.get("s2").last_seq == 1


VERSION_1 = """
CREATE TABLE events (position INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, saga_id VARCHAR(300) NOT NULL,
    seq INTEGER NOT NULL, type VARCHAR(40) NOT NULL, step VARCHAR(200), at FLOAT NOT NULL, data TEXT NOT NULL,
    UNIQUE (saga_id, seq));
CREATE TABLE sagas (number INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, saga_id VARCHAR(300) NOT NULL UNIQUE,
    saga_type VARCHAR(40) NOT NULL, project_id VARCHAR(255) NOT NULL, user_id VARCHAR(255) NOT NULL,
    parameters TEXT NOT NULL, request_key VARCHAR(255), state VARCHAR(20) NOT NULL, closed BOOLEAN NOT NULL,
    worker VARCHAR(100), fence INTEGER NOT NULL, last_seq INTEGER NOT NULL, lease_until FLOAT NOT NULL,
    wake_at FLOAT NOT NULL, created_at FLOAT NOT NULL, updated_at FLOAT NOT NULL, UNIQUE (project_id, request_key));
CREATE TABLE meta (schema_version INTEGER NOT NULL);
INSERT INTO meta VALUES (1);
INSERT INTO sagas VALUES
    (1, 's1', 'wiki', 'p', 'ann', '{"n":1}', NULL, 'pending', 0, 'w', 1, 2, 6.0, 0.0, 1.0, 1.0),
    (2, 's2', 'wiki', 'q', 'ann', '{"n":1}', NULL, 'pending', 0, NULL, 0, 1, 0.0, 0.0, 1.0, 1.0);
INSERT INTO events VALUES
    (1, 's1', 1, 'saga.requested', NULL, 1.0, '{}'),
    (2, 's2', 1, 'saga.requested', NULL, 1.0, '{}'),
    (3, 's1', 2, 'saga.claimed', NULL, 1.0, '{"fence":1,"lost":null,"worker":"w"}');
"""


def test_a_log_of_version_1_is_brought_forward_and_its_events_get_the_hashes_that_they_would_have_had(tmp_path: Path):
    path = tmp_path / "old.sqlite3"
    with sqlite3.connect(path) as old:
        old.executescript(VERSION_1)
    old.close()
    brought, fresh = open_saga_log(f"sqlite:///{path}"), open_saga_log("memory:")
    enter(fresh, "s1")
    enter(fresh, "s2", project="q")
    fresh.claim("s1", "w", LEASE, 1.0)
    assert brought.all_events(0, 10) == fresh.all_events(0, 10)
    for log in (brought, fresh):
        log.append("s1", 1, 2, [event(T.BEGUN)])
    assert brought.get("s1") == fresh.get("s1")
    brought.close()
    again = open_saga_log(f"sqlite:///{path}")
    assert again.events("s1") == fresh.events("s1")
    again.close()


def test_a_log_that_was_brought_forward_has_the_columns_and_indexes_of_a_fresh_one(tmp_path: Path):
    def shape(path: Path) -> set[tuple[str, ...]]:
        open_saga_log(f"sqlite:///{path}").close()
        with sqlite3.connect(path) as log:
            columns = {(t, row[1]) for t in ("events", "sagas") for row in log.execute(f"PRAGMA table_info({t})")}
            indexes = set(log.execute("SELECT name FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL"))
        log.close()
        return columns | indexes

    with sqlite3.connect(tmp_path / "old.sqlite3") as old:
        old.executescript(VERSION_1)
    old.close()
    assert shape(tmp_path / "old.sqlite3") == shape(tmp_path / "fresh.sqlite3")


def test_a_log_of_a_newer_program_is_left_alone(tmp_path: Path):
    url = f"sqlite:///{tmp_path}/new.sqlite3"
    open_saga_log(url).close()
    with sqlite3.connect(tmp_path / "new.sqlite3") as newer:
        newer.execute("UPDATE meta SET schema_version = 3")
    newer.close()
    with pytest.raises(ValueError, match="schema version 3"):
        open_saga_log(url)
