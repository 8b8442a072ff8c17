"""What the auditor sees with its own eyes: real files, real SQLite files, all made by the test."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from chaos.auditor.audit import AuditTarget, audit
from chaos.auditor.collectors import files as files_module
from chaos.auditor.collectors import look
from chaos.auditor.collectors.files import NOT_A_PLAIN_FILE, read_files
from chaos.auditor.collectors.journal import read_journal
from chaos.auditor.collectors.leftovers import read_leftovers
from chaos.auditor.collectors.saga_log import open_sagas, read_again, read_log
from tests.integration.auditor_git import commit
from tests.integration.auditor_log import FILES, LogWriter, sha

BARRIER = """
CREATE TABLE barrier_saga (saga_id TEXT, project TEXT, state TEXT, touched_at REAL);
CREATE TABLE barrier_item (saga_id TEXT, project TEXT, item TEXT, effect TEXT, fingerprint TEXT, answer TEXT);
CREATE TABLE undo (saga_id TEXT, project TEXT, filename TEXT, content BLOB);
CREATE TABLE redo (project TEXT, filename TEXT, content BLOB);
CREATE TABLE git_move (project TEXT, saga_id TEXT, old_commit TEXT, new_commit TEXT, applied INTEGER);
"""


@pytest.fixture
def log(tmp_path: Path) -> Iterator[LogWriter]:
    writer = LogWriter(tmp_path / "saga-log.sqlite3")
    yield writer
    writer.close()


# --- files ------------------------------------------------------------------------------------------------------


def test_files_are_hashed_by_project_and_the_servers_own_folder_is_no_project(tmp_path: Path) -> None:
    for name, text in {"p/a.md": "a", "p/deep/er/ü.md": "b", "q/.hidden": "c", ".saga/staged/0": "d"}.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    (tmp_path / "stray.txt").write_text("no project")
    (tmp_path / "empty").mkdir()
    found = read_files(tmp_path)
    assert found.projects == {
        "p": {"a.md": sha("a"), "deep/er/ü.md": sha("b")},
        "q": {".hidden": sha("c")},
        "empty": {},
    }
    assert read_files(tmp_path, "q").projects == {"q": {".hidden": sha("c")}}


def test_links_and_pipes_are_seen_and_not_followed(tmp_path: Path) -> None:
    project = tmp_path / "p"
    project.mkdir()
    (tmp_path / "secret").write_text("s")
    (project / "link").symlink_to(tmp_path / "secret")
    (project / "folder").symlink_to(tmp_path)
    os.mkfifo(project / "pipe")
    assert read_files(tmp_path).projects["p"] == dict.fromkeys(("link", "folder", "pipe"), NOT_A_PLAIN_FILE)


def test_a_file_that_vanishes_is_looked_for_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project = tmp_path / "p"
    project.mkdir()
    for name in ("gone", "replaced", "stays"):
        (project / name).write_text("before")
    real, seen = os.open, []

    def racing(path: str, flags: int, *more: int) -> int:
        name = Path(path).name
        seen.append(name)
        if name in ("gone", "replaced") and seen.count(name) == 1:
            Path(path).unlink()
            if name == "replaced":
                (project / "new").write_text("after")
                try:
                    return real(path, flags, *more)
                finally:
                    (project / "new").rename(path)
        return real(path, flags, *more)

    monkeypatch.setattr(files_module.os, "open", racing)
    assert read_files(tmp_path).projects["p"] == {"replaced": sha("after"), "stays": sha("before")}


def test_an_unreadable_file_is_not_taken_for_an_absent_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "p").mkdir()
    (tmp_path / "p" / "a.md").write_text("a")

    def refuse(path: str, flags: int) -> int:
        raise PermissionError(13, "Permission denied", path)

    monkeypatch.setattr(files_module.os, "open", refuse)
    found = read_files(tmp_path)
    assert found.projects == {"p": {}}
    assert found.unreadable == ["file a.md of project p: Permission denied"]


# --- the saga log -----------------------------------------------------------------------------------------------


def test_the_log_is_read_while_its_writer_writes(log: LogWriter) -> None:
    log.begin("s1", "p", {"a.md": "x"})
    log.db.execute("BEGIN IMMEDIATE")
    log.write("s1", "step.started", FILES)
    before = read_log(log.path)
    assert [event.type for event in before.events] == ["saga.requested", "saga.claimed", "saga.begun"]
    assert before.rows["s1"].state == "executing"
    log.db.execute("COMMIT")
    after = read_again(log.path, before)
    assert after.moved == {"s1"}
    assert len(after.events) == 4
    assert read_again(log.path, after) is after
    assert open_sagas(log.path) == 1


def test_a_log_whose_writer_is_gone_is_read(tmp_path: Path) -> None:
    writer = LogWriter(tmp_path / "saga-log.sqlite3")
    writer.begin("s1", "p", {"a.md": "x"})
    writer.close()
    assert [path.name for path in tmp_path.iterdir()] == ["saga-log.sqlite3"]  # no -wal: it was closed in peace
    assert len(read_log(writer.path).events) == 3


@pytest.mark.parametrize("damage", ["absent", "garbage", "no tables", "no json"])
def test_a_log_that_cannot_be_read_blinds_its_collector(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "saga-log.sqlite3"
    if damage == "garbage":
        path.write_bytes(b"not a database at all" * 100)
    if damage == "no tables":
        path.touch()
    if damage == "no json":
        writer = LogWriter(path)
        writer.db.execute("INSERT INTO events VALUES (1, 's', 1, 'saga.requested', NULL, 0, '{')")
        writer.close()
    assert (look("saga log", lambda: read_log(path)).blind or "").startswith("saga log: ")
    assert list(tmp_path.glob("*.sqlite3")) == ([] if damage == "absent" else [path])


# --- leftovers --------------------------------------------------------------------------------------------------


def participants(root: Path) -> tuple[Path, Path, sqlite3.Connection, sqlite3.Connection]:
    filesystem, git_data = root / "filesystem_server", root / "git_server"
    (filesystem / ".saga").mkdir(parents=True)
    git_data.mkdir()
    databases = []
    for path in (filesystem / ".saga" / "journal.sqlite3", git_data / "barrier.sqlite3"):
        database = sqlite3.connect(path, isolation_level=None)
        database.execute("PRAGMA journal_mode = WAL")
        database.executescript(BARRIER)
        databases.append(database)
    return filesystem, git_data, *databases


def test_locks_undo_data_and_moves_are_found_in_the_participants_files(tmp_path: Path) -> None:
    filesystem, git_data, files, moves = participants(tmp_path)
    for effect in ("done", "undone", "confirmed"):
        row = ("s1", "p", f"{effect}.md", effect)
        files.execute("INSERT INTO barrier_item VALUES (?, ?, ?, ?, NULL, NULL)", row)
    files.execute("INSERT INTO undo VALUES ('s1', 'p', 'a.md', 'former')")
    (filesystem / ".saga" / "kept").mkdir()
    (filesystem / ".saga" / "kept" / "1").touch()  # what the row of undo is of: one finding, not two
    files.execute("INSERT INTO redo VALUES ('p', 'b.md', 'content')")
    moves.execute("INSERT INTO git_move VALUES ('p', 's1', NULL, 'c1', 0), ('q', 's2', 'c1', 'c2', 1)")
    found = read_leftovers(filesystem, git_data)
    assert {(left.participant, left.kind, left.subject, left.project, left.saga_id) for left in found.leftovers} == {
        ("filesystem_server", "locks", "done.md", "p", "s1"),
        ("filesystem_server", "undo data", "a.md", "p", "s1"),
        ("filesystem_server", "redo data", "b.md", "p", None),
        ("git_server", "moves", "refs/heads/main", "p", "s1"),
    }
    assert found.records == 3
    assert read_leftovers(filesystem, git_data, "q").leftovers == []
    assert not any("former" in repr(left) or "content" in repr(left) for left in found.leftovers)
    files.close()
    moves.close()


def test_temporary_files_are_found_and_permanent_ones_are_not(tmp_path: Path) -> None:
    filesystem, git_data, *databases = participants(tmp_path)
    (filesystem / ".saga" / "gate").touch()
    (git_data / ".locks").mkdir()
    (git_data / ".locks" / "p").touch()
    commit(git_data / "p.git", {"a.md": "x"}, "s1")
    assert read_leftovers(filesystem, git_data).leftovers == []
    (filesystem / ".saga" / "staged").mkdir()
    (filesystem / ".saga" / "staged" / "0").touch()
    (filesystem / ".saga" / "kept").mkdir()
    (filesystem / ".saga" / "kept" / "7").touch()
    (git_data / ".new" / "q.git").mkdir(parents=True)
    (git_data / "p.git" / "refs" / "heads" / "main.lock").touch()
    (git_data / "p.git" / "objects" / "pack" / "tmp_pack_x").touch()
    assert {left.subject for left in read_leftovers(filesystem, git_data).leftovers} == {
        ".saga/staged/0",
        ".saga/kept/7",
        ".new/q.git",
        "p.git/refs/heads/main.lock",
        "p.git/objects/pack/tmp_pack_x",
    }
    (git_data / "p.git" / "garbage").touch()  # the server's promise to prune what a killed writer left
    assert "p.git/objects/pack/tmp_pack_x" not in {
        left.subject for left in read_leftovers(filesystem, git_data).leftovers
    }
    for database in databases:
        database.close()


def test_a_participant_with_data_and_no_barrier_file_is_not_seen(tmp_path: Path) -> None:
    filesystem, git_data = tmp_path / "f", tmp_path / "g"
    filesystem.mkdir()
    git_data.mkdir()
    assert read_leftovers(filesystem, git_data).leftovers == []
    (filesystem / "p").mkdir()
    assert look("leftovers", lambda: read_leftovers(filesystem, git_data)).blind


# --- the journal ------------------------------------------------------------------------------------------------


def test_a_journal_is_read_up_to_its_last_whole_line(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    line = '{"saga_id": "s1", "project_id": "p", "status": "success", "snapshot_id": "snap-1", "files": {"a": "h"}}'
    path.write_text(f'{line}\n\n{{"saga_id": "s2", "project_id": "q", "status": "failed"}}\n{{"saga_id": "s3", "pro')
    assert [(told.line, told.saga_id, told.status) for told in read_journal(path)] == [
        (1, "s1", "success"),
        (3, "s2", "failed"),
    ]
    assert [told.saga_id for told in read_journal(path, "q")] == ["s2"]


@pytest.mark.parametrize("line", ["{", "[]", "{}", '{"saga_id": "s", "project_id": "p", "status": "maybe"}'])
def test_a_journal_that_says_no_answer_is_named_by_its_line(tmp_path: Path, line: str) -> None:
    path = tmp_path / "journal.jsonl"
    path.write_text(line + "\n")
    assert "line 1 of the journal" in (look("journal", lambda: read_journal(path)).blind or "")


# --- all of it on disk, without any service ---------------------------------------------------------------------


def test_a_world_on_disk_is_judged_and_each_damage_found_while_the_services_are_away(
    tmp_path: Path, log: LogWriter
) -> None:
    filesystem, git_data, *databases = participants(tmp_path)
    files = {"a.md": "one", "deep/b.md": "two"}
    log.commit("s1", "p", files, (), commit(git_data / "p.git", files, "s1"))
    for name, text in files.items():
        (filesystem / "p" / name).parent.mkdir(parents=True, exist_ok=True)
        (filesystem / "p" / name).write_text(text)
    target = AuditTarget(log.path, filesystem, git_data, None, None, None, None, None)
    report = audit(target)
    assert report.exit_status == 2
    assert not any(result.findings for result in report.invariants)

    (filesystem / "p" / "a.md").write_text("onf")
    report = audit(target)
    assert report.exit_status == 1
    first = report.first_evidence
    assert first is not None
    assert (str(first.word), first.subject, first.saga_id) == ("lost update", "a.md", "s1")
    assert sha("one") in first.evidence
    for database in databases:
        database.close()
