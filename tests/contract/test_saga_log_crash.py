"""A database that crashes under its living workers: what it loses must not be counted on (R9, R12)."""

from __future__ import annotations

import secrets
from collections.abc import Iterator

import pytest
from sqlalchemy.exc import DBAPIError

from backend.saga.errors import HistoryLost
from backend.saga.ports import SagaLog
from backend.saga_log import open_saga_log
from tests.contract.saga_logs import LEASE, TYPES, T, enter, event
from tests.support.postgres import Postgres, server_or_skip

pytestmark = pytest.mark.xdist_group("saga-log-crash")  # its servers are started once


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    with server_or_skip() as found:
        yield found


@pytest.fixture
def log(server: Postgres) -> Iterator[SagaLog]:
    found = open_saga_log(server.create(f"log_{secrets.token_hex(4)}"))
    yield found
    found.close()


def crash(server: Postgres, log: SagaLog) -> None:
    """The server is killed and comes back; the log's writer finds out by an error, as its callers do."""
    server.restart("immediate")
    with pytest.raises(DBAPIError):
        log.renew("nobody", LEASE, 1.0, [])


def test_whoever_followed_the_log_through_a_crash_misses_nothing_of_what_comes_after_it(server, log):
    """The crash takes events that were read, and without care the sequence of their positions with them."""
    enter(log, "s1")
    log.claim("s1", "w", LEASE, 1.0)
    for seq in range(2, 102):
        (read,) = log.append("s1", 1, seq, [event(T.STEP_STARTED, f"step {seq}")])
    crash(server, log)
    assert log.last_position() < read.position
    enter(log, "s2", project="another")
    assert [entry.saga_id for entry in log.all_events(read.position, 10)] == ["s2"]


def started(log: SagaLog) -> None:
    """A saga whose begin record is on disk, and the start of its first step is not."""
    enter(log, "s1")
    log.claim("s1", "w", LEASE, 1.0)
    log.append("s1", 1, 2, [event(T.BEGUN)])
    log.append("s1", 1, 3, [event(T.STEP_STARTED, "first")])


def test_a_claim_outlives_the_crash_so_that_no_fence_is_given_twice(server, log):
    enter(log, "s1")
    assert log.claim_next("w1", LEASE, 1.0, TYPES).fence == 1
    crash(server, log)
    assert log.claim("s1", "w2", LEASE, 2 + LEASE).fence == 2


def test_what_was_forced_outlives_the_crash_and_what_was_not_need_not(server, log):
    started(log)
    crash(server, log)
    assert [entry.event.type for entry in log.events("s1")] == [T.REQUESTED, T.CLAIMED, T.BEGUN]


@pytest.mark.parametrize("operator", [False, True], ids=["nothing", "an operator's event"])
def test_nobody_goes_on_from_an_event_that_the_log_lost_but_whoever_reads_again_does(server, log, operator):
    """Also when another event stands in its place."""
    started(log)
    crash(server, log)
    if operator:
        log.operate("s1", ["executing"], [event(T.CANCEL_REQUESTED, by="ann", reason="no more")])
    with pytest.raises(HistoryLost, match="lost event 4"):
        log.append("s1", 1, 4, [event(T.STEP_DONE, "first")])
    log.release("s1", 1, 0.0)
    again = log.claim("s1", "w", LEASE, 1.0)
    assert log.append("s1", again.fence, again.last_seq, [event(T.STEP_STARTED, "first")])


def test_reading_goes_on_after_a_crash_without_an_error(server, log):
    enter(log, "s1")
    server.restart("immediate")
    assert log.get("s1").last_seq == 1
