"""A saga log that was tampered with is found out (A5), by the hash chain that the system itself wrote."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest

from backend.saga_log import open_saga_log
from chaos.auditor.audit import AuditTarget, audit
from chaos.auditor.verdicts import Verdict, Word
from tests.integration.auditor_log import LogWriter
from tests.integration.saga_stories import committed, parked, rolled_back

A_DAY = 1_700_000_000.0


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """The log of three finished sagas, "b" between the others' events."""
    path = tmp_path / "saga-log.sqlite3"
    log = open_saga_log(f"sqlite:///{path}")
    committed(log, "a", A_DAY)
    rolled_back(log, "b", A_DAY + 0.123456789)
    parked(log, "c", A_DAY + 2)
    log.close()
    return path


def tampered(path: Path) -> list[str]:
    """What the audit says about order in the words of the chain; each saga's first evidence."""
    folder = path.parent
    target = AuditTarget(path, folder / "files", folder / "git", None, None, None, None, None)
    found = next(result for result in audit(target).invariants if result.name == "A5")
    words = [finding for finding in found.findings if finding.word is Word.TAMPERED]
    assert not words or (found.verdict is Verdict.INVALID and found.findings[0].word is Word.TAMPERED)
    return [f"{finding.subject}: {finding.evidence}" for finding in words]


def change(path: Path, *statements: str) -> None:
    database = sqlite3.connect(path)
    for statement in statements:
        database.execute(statement)
    database.commit()
    database.close()


def test_what_the_system_wrote_is_as_written(path):
    assert tampered(path) == []


@pytest.mark.parametrize(
    ("statements", "evidence"),
    [
        (["UPDATE events SET data = replace(data, '409', '500') WHERE type = 'step.refused'"], "saga c: event"),
        (["UPDATE events SET at = at + 0.001 WHERE saga_id = 'b' AND seq = 5"], "saga b: event 5 "),
        (["UPDATE events SET type = 'undo.skipped' WHERE saga_id = 'b' AND type = 'undo.done'"], "saga b: event"),
        (["UPDATE events SET step = 'Other' WHERE saga_id = 'a' AND seq = 6"], "saga a: event 6 "),
        (["DELETE FROM events WHERE saga_id = 'a' AND seq = 7"], "saga a: event 8 "),
        (
            [
                "DELETE FROM events WHERE saga_id = 'a' AND seq = 7",
                "UPDATE events SET seq = seq - 1 WHERE saga_id = 'a' AND seq > 7",
                "UPDATE sagas SET last_seq = last_seq - 1 WHERE saga_id = 'a'",
            ],
            "saga a: event 7 ",
        ),
        (
            ["INSERT INTO events SELECT NULL, saga_id, seq + 1, type, step, at, data, hash FROM events"
             " WHERE saga_id = 'a' ORDER BY seq DESC LIMIT 1"],
            "saga a: event",
        ),
        (
            [
                "UPDATE events SET seq = 999 WHERE saga_id = 'b' AND seq = 4",
                "UPDATE events SET seq = 4 WHERE saga_id = 'b' AND seq = 5",
                "UPDATE events SET seq = 5 WHERE saga_id = 'b' AND seq = 999",
            ],
            "saga b: event 5 ",
        ),
        (["DELETE FROM events WHERE saga_id = 'c' AND type = 'saga.parked'"], "saga c: the history ends with event"),
        (["DELETE FROM sagas WHERE saga_id = 'a'"], "saga a: its row in the table sagas is gone"),
        (["DELETE FROM sagas WHERE saga_id = 'b'", "DELETE FROM events WHERE saga_id = 'b'"], "the log: position "),
        (["UPDATE sagas SET head = 'x' WHERE saga_id = 'a'"], "saga a: the history ends with event"),
        (["ALTER TABLE events DROP COLUMN hash"], "saga a: event 1 "),
    ],
)  # fmt: skip
def test_whoever_lays_hands_on_the_log_is_found_out(path, statements, evidence):
    change(path, *statements)
    assert any(line.startswith(evidence) for line in tampered(path)), tampered(path)


def test_two_histories_that_changed_their_names_are_found_out(path):
    swap = [f"UPDATE {table} SET saga_id = {{}} WHERE saga_id = {{}}" for table in ("events", "sagas")]
    for new, old in (("'x'", "'a'"), ("'a'", "'b'"), ("'b'", "'x'")):
        change(path, *(statement.format(new, old) for statement in swap))
    assert {line.split(":")[0] for line in tampered(path)} == {"saga a", "saga b"}


def test_blanks_in_the_data_are_no_tampering(path):
    database = sqlite3.connect(path)
    rows = [(json.dumps(json.loads(data), indent=1), position) for position, data in database.execute(
        "SELECT position, data FROM events")]  # fmt: skip
    database.executemany("UPDATE events SET data = ? WHERE position = ?", rows)
    database.commit()
    database.close()
    assert tampered(path) == []


def test_a_log_without_hashes_is_judged_as_before(tmp_path):
    writer = LogWriter(tmp_path / "saga-log.sqlite3")
    writer.commit("s1", "p", {"a.md": "x"}, (), None)
    writer.db.execute("UPDATE events SET data = '{}' WHERE type = 'confirm.done'")
    writer.close()
    assert tampered(writer.path) == []
