"""The commands that work on a running system, as a user calls them."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests
from click.testing import CliRunner, Result

from chaos.running_system import RunningSystem
from testbed.cli import main
from tests.system.support import as_json, call, until

MARKDOWN = "# One\n\nSee [two](two.md).\n"


def run(system: RunningSystem, *arguments: str) -> subprocess.CompletedProcess[str]:
    return call(system.state, *arguments)


def done(system: RunningSystem, *arguments: str) -> Any:
    """What a command with --json printed, the command having succeeded."""
    finished = run(system, *arguments, "--json")
    assert finished.returncode == 0, (finished.stdout, finished.stderr)
    return as_json(finished)


def mistaken(state: Path, *arguments: str) -> Result:
    """The command in this process; anything that is not a message for the user is raised here."""
    return CliRunner().invoke(main, arguments, env={"TESTBED_STATE": str(state)}, catch_exceptions=False)


def saga(system: RunningSystem, saga_id: str) -> Any:
    return done(system, "sagas", "show", saga_id)["saga"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "one.md").write_text(MARKDOWN)
    (tmp_path / "two.md").write_text("# Two\n")
    return tmp_path


@contextmanager
def cut(system: RunningSystem, link: str) -> Iterator[None]:
    """Nobody gets through ``link`` while the block runs."""
    url = f"{system.proxy_url}/proxies/{link}"
    requests.post(url, json={"enabled": False}, timeout=5).raise_for_status()
    try:
        yield
    finally:
        requests.post(url, json={"enabled": True}, timeout=5).raise_for_status()


@contextmanager
def halted(system: RunningSystem, name: str) -> Iterator[None]:
    assert run(system, "kill", name, "--signal", "STOP").returncode == 0
    try:
        yield
    finally:
        assert run(system, "kill", name, "--signal", "CONT").returncode == 0


def test_a_folder_goes_in_and_what_cannot_is_named(system: RunningSystem, folder: Path) -> None:
    (folder / "bad.txt").write_bytes(b"\xff\xfe")
    (folder / "long.md").write_text(f"# {'x' * 600}\n")
    finished = run(system, "ingest", str(folder), "--project", "folder-1")
    assert finished.returncode == 0
    assert "2 documents are in project folder-1" in finished.stdout
    assert "skipped bad.txt: not UTF-8" in finished.stderr
    assert "skipped long.md: title" in finished.stderr
    answer = done(system, "ingest", str(folder), "--project", "folder-1")
    assert (answer["added"], [row["doc_id"] for row in answer["skipped"]]) == (2, ["bad.txt", "long.md"])


def test_a_folder_without_documents_is_a_failure(system: RunningSystem, tmp_path: Path) -> None:
    finished = run(system, "ingest", str(tmp_path), "--project", "folder-2")
    assert finished.returncode == 1
    assert "no document to add" in finished.stderr


def test_the_corpus_becomes_a_wiki_and_the_audit_is_valid(system: RunningSystem) -> None:
    assert done(system, "ingest", "--corpus", "python-topics", "--project", "topics")["added"] > 70
    finished = run(system, "generate", "topics", "--wait")
    assert finished.returncode == 0, finished.stderr
    for step in ("Save relationships", "Save wiki files", "Create git snapshot"):
        assert any("step.done" in line and step in line for line in finished.stdout.splitlines())
    assert "is committed" in finished.stdout
    listed = done(system, "sagas", "list", "--project", "topics")["sagas"]
    shown = done(system, "sagas", "show", listed[0]["saga_id"])
    assert shown["saga"]["files_created"] > 70
    assert shown["events"][0]["type"] == "saga.requested"
    report = done(system, "audit", "--project", "topics")
    assert (report["verdict"], report["quiet"], report["sagas"]) == ("valid", True, {"committed": 1})


def test_a_generation_that_cannot_commit_is_a_failure(system: RunningSystem) -> None:
    finished = run(system, "generate", "no-documents", "--wait")
    assert finished.returncode == 1
    assert "has no documents: ingest some first" in finished.stdout


def test_a_saga_that_nobody_drives_is_refused_company_and_cancelled(system: RunningSystem, folder: Path) -> None:
    done(system, "ingest", str(folder), "--project", "busy")
    with halted(system, "worker"):
        saga_id = done(system, "generate", "busy")["saga_id"]
        second = run(system, "generate", "busy", "--on-busy", "reject")
        assert (second.returncode, "project-busy" in second.stderr) == (1, True)
        would = done(system, "sagas", "cancel", saga_id, "--reason", "a test", "--dry-run")
        assert would["dry_run"] and "roll back" in would["would"]
        assert saga(system, saga_id)["state"] == "pending"
        assert run(system, "sagas", "cancel", saga_id, "--reason", "a test", "--by", "Ada").returncode == 0
    until(lambda: saga(system, saga_id)["closed"], "the saga ended")
    shown = done(system, "sagas", "show", saga_id)
    assert shown["saga"]["state"] == "rolled_back"
    asked = next(event for event in shown["events"] if event["type"] == "saga.cancel_requested")
    assert asked["data"].items() >= {"by": "Ada", "reason": "a test"}.items()
    text = run(system, "sagas", "show", saga_id).stdout
    assert f"authenticated_as {asked['data']['authenticated_as']}, by Ada, reason a test" in " ".join(text.split())


@pytest.mark.slow
def test_a_stuck_rollback_is_retried_or_skipped_by_an_operator(system: RunningSystem, folder: Path) -> None:
    for project in ("stuck-1", "stuck-2"):
        done(system, "ingest", str(folder), "--project", project)
    with cut(system, "backend_git"):
        first, second = (done(system, "generate", project)["saga_id"] for project in ("stuck-1", "stuck-2"))
        until(lambda: {saga(system, one)["state"] for one in (first, second)} == {"failed"}, "both are parked", 90)
        listed = done(system, "sagas", "list", "--in", "failed")["sagas"]
        assert {first, second} <= {row["saga_id"] for row in listed}
        assert "compensation" in done(system, "sagas", "retry", first, "--reason", "look", "--dry-run")["would"]
        assert "leave the effect" in done(system, "sagas", "skip", second, "--reason", "look", "--dry-run")["would"]
        assert saga(system, first)["state"] == saga(system, second)["state"] == "failed"
        assert run(system, "sagas", "skip", second, "--reason", "no snapshot was made").returncode == 0
        until(lambda: saga(system, second)["state"] == "rolled_back", "the others were undone")
    assert run(system, "sagas", "retry", first, "--reason", "the link is back").returncode == 0
    until(lambda: saga(system, first)["state"] == "rolled_back", "the retry succeeded")
    assert run(system, "sagas", "retry", first, "--reason", "once more").returncode == 1


def test_a_token_opens_the_backend_and_an_internal_one_the_participants(system: RunningSystem) -> None:
    token = run(system, "token", "--user", "ada").stdout.strip()
    answer = requests.get(f"{system.url('backend')}/api/sagas", headers={"Authorization": f"Bearer {token}"}, timeout=5)
    assert answer.status_code == 200
    internal = run(system, "token", "--internal", "--user", "ada", "--project", "p1").stdout.strip()
    files = system.url("filesystem_server")
    for project, status in (("p1", 200), ("p2", 403)):
        headers = {"X-INTERNAL-TOKEN": internal}
        assert requests.get(f"{files}/files/{project}", headers=headers, timeout=5).status_code == status


def test_generate_says_where_to_look_and_lists_are_for_people_too(system: RunningSystem, folder: Path) -> None:
    assert run(system, "ingest", str(folder), "--project", "people").returncode == 0
    finished = run(system, "generate", "people")
    saga_id = finished.stdout.split()[1].rstrip(";")
    until(lambda: saga(system, saga_id)["closed"], "the saga ended")
    assert saga_id in run(system, "sagas", "list", "--limit", "5").stdout
    shown = run(system, "sagas", "show", saga_id).stdout
    assert "saga.committed" in shown and "Create git snapshot" in shown
    assert "verdict" in run(system, "audit", "--project", "people").stdout


@pytest.mark.parametrize(
    ("arguments", "status", "says"),
    [
        (("ingest", "--project", "p"), 2, "either a PATH or --corpus"),
        (("ingest", "nowhere", "--project", "p"), 2, "does not exist"),
        (("ingest", "--corpus", "latin", "--project", "p"), 2, "python-topics"),
        (("ingest", "--corpus", "python-topics", "--project", "a/b"), 2, "not a name for a project"),
        (("generate", "../etc"), 2, "not a name for a project"),
        (("sagas", "show", "no/such"), 1, "not-found"),
        (("sagas", "skip", "none", "--reason", "because"), 1, "no saga"),
        (("sagas", "retry", "none"), 2, "--reason"),
        (("sagas", "retry", "none", "--reason", "x"), 2, "--reason"),
        (("kill", "nobody"), 1, "there is: backend"),
        (("kill", "worker", "--signal", "HUP"), 2, "--signal"),
        (("start", "backend"), 1, "already runs"),
        (("audit", "--journal", "nowhere"), 2, "does not exist"),
        (("token",), 2, "--user"),
        (("frobnicate",), 2, "No such command"),
    ],
)
def test_mistakes_are_answered_without_a_traceback(
    system: RunningSystem, arguments: tuple[str, ...], status: int, says: str
) -> None:
    finished = mistaken(system.state, *arguments)
    assert finished.exit_code == status
    assert says in finished.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ("status",),
        ("generate", "p"),
        ("ingest", "--corpus", "python-topics", "--project", "p"),
        ("sagas", "list"),
        ("token", "--user", "u"),
        ("start", "worker"),
        ("kill", "worker"),
    ],
)
def test_without_a_system_every_command_says_how_to_start_one(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    finished = mistaken(tmp_path, *arguments)
    assert finished.exit_code == 1
    assert f"testbed up --state {tmp_path}" in finished.stderr


def test_an_audit_without_a_log_is_not_green(tmp_path: Path) -> None:
    finished = call(tmp_path, "audit")
    assert (finished.returncode, "no system was ever started" in finished.stderr) == (2, True)


def test_a_backend_that_is_down_is_named(system: RunningSystem) -> None:
    assert run(system, "kill", "backend").returncode == 0
    try:
        finished = run(system, "sagas", "list")
        assert (finished.returncode, "does not answer" in finished.stderr) == (1, True)
        assert run(system, "status").returncode == 1
    finally:
        assert run(system, "start", "backend").returncode == 0
    assert run(system, "sagas", "list").returncode == 0
