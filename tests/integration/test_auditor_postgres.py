"""The auditor reads a saga log in PostgreSQL with its own eyes, and finds there what it finds in SQLite."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from backend.saga_log import open_saga_log
from chaos.auditor.audit import AuditReport, AuditTarget, audit
from chaos.auditor.collectors import look
from chaos.auditor.collectors.log_database import open_log
from chaos.auditor.collectors.saga_log import last_position, open_sagas, read_again, read_log, unclosed_sagas
from chaos.auditor.facts import CannotSee
from chaos.auditor.verdicts import Word
from tests.integration.saga_stories import committed, parked, rolled_back
from tests.support.postgres import Postgres, server_or_skip

pytestmark = pytest.mark.xdist_group("auditor-postgres")  # its servers are started once
A_DAY = 1_700_000_000.0


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    with server_or_skip() as found:
        yield found


@pytest.fixture
def url(server: Postgres) -> str:
    """The log of three finished sagas, "b" between the others' events."""
    url = server.create(f"log_{secrets.token_hex(4)}")
    tell(url)
    return url


def tell(url: str) -> None:
    log = open_saga_log(url)
    committed(log, "a", A_DAY)
    rolled_back(log, "b", A_DAY + 0.123456789)
    parked(log, "c", A_DAY + 2)
    log.close()


def change(url: str, *statements: str) -> None:
    with psycopg.connect(url) as connection:
        for statement in statements:
            connection.execute(statement)


def audited(where: Path | str, folder: Path) -> AuditReport:
    return audit(AuditTarget(where, folder / "files", folder / "git", None, None, None, None, None))


def tampered(url: str, folder: Path) -> list[str]:
    found = next(result for result in audited(url, folder).invariants if result.name == "A5")
    return [f"{one.subject}: {one.evidence}" for one in found.findings if one.word is Word.TAMPERED]


def test_both_databases_tell_the_auditor_the_same(url, tmp_path):
    tell(f"sqlite:///{tmp_path}/log.sqlite3")
    here, there = read_log(url), read_log(tmp_path / "log.sqlite3")
    assert (here.events, here.rows, here.chained) == (there.events, there.rows, True)
    of_postgres = {result.name: result.verdict for result in audited(url, tmp_path).invariants}
    assert of_postgres == {r.name: r.verdict for r in audited(tmp_path / "log.sqlite3", tmp_path).invariants}
    assert (open_sagas(url), unclosed_sagas(url)) == (0, 1)  # the parked one


def test_the_name_of_a_driver_in_the_url_does_no_harm(url):
    assert last_position(url.replace("postgresql:", "postgresql+psycopg:")) == last_position(url) > 0


@pytest.mark.parametrize(
    ("statements", "evidence"),
    [
        ([], None),
        (["UPDATE events SET data = replace(data, '409', '500') WHERE type = 'step.refused'"], "saga c: event"),
        (["UPDATE events SET at = at + 0.001 WHERE saga_id = 'b' AND seq = 5"], "saga b: event 5 "),
        (["DELETE FROM events WHERE saga_id = 'a' AND seq = 7"], "saga a: event 8 "),
        (["DELETE FROM events WHERE saga_id = 'c' AND type = 'saga.parked'"], "saga c: the history ends with event"),
        (["DELETE FROM sagas WHERE saga_id = 'a'"], "saga a: its row in the table sagas is gone"),
        (["UPDATE sagas SET head = 'x' WHERE saga_id = 'a'"], "saga a: the history ends with event"),
        (["ALTER TABLE events DROP COLUMN hash"], "saga a: event 1 "),
    ],
)
def test_whoever_lays_hands_on_the_log_is_found_out(url, tmp_path, statements, evidence):
    change(url, *statements)
    found = tampered(url, tmp_path)
    assert any(line.startswith(evidence) for line in found) if evidence else found == []


def test_a_gap_between_positions_accuses_nobody_and_the_report_says_what_that_hides(url, tmp_path):
    change(url, "SELECT nextval('events_position_seq')")
    log = open_saga_log(url)
    committed(log, "d", A_DAY + 3)
    log.close()
    assert tampered(url, tmp_path) == []
    a5 = next(result for result in audited(url, tmp_path).invariants if result.name == "A5")
    assert any("PostgreSQL leaves gaps" in note for note in a5.notes)


def test_one_look_sees_one_moment_and_the_next_one_what_moved(url):
    with open_log(url) as database:
        first = [row["position"] for row in database.rows("SELECT position FROM events ORDER BY position")]
        log = open_saga_log(url)
        committed(log, "d", A_DAY + 3)
        log.close()
        assert [row["position"] for row in database.rows("SELECT position FROM events ORDER BY position")] == first
    before = read_log(url)
    assert read_again(url, before) is before
    log = open_saga_log(url)
    rolled_back(log, "e", A_DAY + 4)
    log.close()
    assert read_again(url, before).moved == {"e"}


def test_the_auditor_cannot_write(url):
    with pytest.raises(CannotSee, match="read-only"), open_log(url) as database:
        database.columns("events")
        list(database.connection.execute("DELETE FROM events"))  # type: ignore[attr-defined]
    assert last_position(url) > 0


@pytest.mark.parametrize("damage", ["no server", "no database", "no tables", "wrong password", "no json", "no URL"])
def test_a_log_that_cannot_be_read_blinds_its_collector_and_no_message_holds_the_password(server, url, damage):
    if damage == "no server":
        url = url.replace(str(server.port), "1")
    elif damage == "no database":
        url = server.url("nowhere")
    elif damage == "no tables":
        url = server.create(f"empty_{secrets.token_hex(4)}")
    elif damage == "wrong password":
        url = url.replace(server.password, "wr0ng-pass")
    elif damage == "no json":
        change(url, "UPDATE events SET data = '{' WHERE position = 3")
    else:
        url = url.replace(f":{server.port}", ":port")
    blind = look("saga log", lambda: read_log(url)).blind or ""
    assert blind.startswith("saga log: ")
    assert server.password not in blind
    assert "wr0ng-pass" not in blind
