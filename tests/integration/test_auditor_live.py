"""The auditor on real participants: a right saga is valid, a naive one is convicted, what cannot be seen is unknown."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from flask import Flask

import neo4j_stub.app
from chaos.auditor.audit import AuditReport, AuditTarget, audit, wait_until_quiet
from chaos.auditor.collectors import neo4j, probes
from tests.integration.auditor_log import FILES, RELATIONSHIPS, SNAPSHOT, STEPS, sha, snap
from tests.integration.auditor_system import KEYS, System, running, serving, token

P = "proj-1"
LINKS = (("a.md", "LINKS_TO", "b/c.md"), ("b/c.md", "LINKS_TO", "a.md"))
ONE = {"a.md": "one\n", "b/c.md": "two\n"}
OTHER = {"a.md": "other\n", "new/d.md": "new\n"}


@pytest.fixture
def system(tmp_path: Path) -> Iterator[System]:
    with running(tmp_path) as found:
        yield found


def result(report: AuditReport, name: str) -> str:
    return next(str(row.verdict) for row in report.invariants if row.name == name)


def kinds(report: AuditReport, name: str) -> set[tuple[str, str, str | None]]:
    findings = next(row.findings for row in report.invariants if row.name == name)
    return {(str(finding.word), finding.kind, finding.saga_id) for finding in findings}


def unseen(report: AuditReport, name: str) -> str:
    return "; ".join(next(row.unseen for row in report.invariants if row.name == name))


def test_right_sagas_on_real_participants_are_valid_in_every_invariant(system: System) -> None:
    system.call("POST", f"{system.filesystem}/save_file", P, json={"project_id": P, "filename": "x", "content": "hand"})
    system.commit("s1", P, ONE, LINKS)
    system.roll_back("s2", P, OTHER, LINKS)
    system.commit("s3", P, OTHER | {"x": "generated"}, LINKS)
    system.roll_back("s4", "proj-2", ONE, LINKS)
    report = audit(system.target())
    assert [(row.name, str(row.verdict), row.unseen, row.findings) for row in report.invariants] == [
        (name, "valid", (), ()) for name in ("A1", "A2", "A3", "A4", "A5", "A6")
    ]
    assert report.exit_status == 0
    assert report.sagas == {"committed": 2, "rolled_back": 2}
    assert report.orphans == {"files": 0, "snapshots": 0, "relationships": 0}
    assert report.dead_letters == 0
    assert report.looked_at["snapshots"] == 2
    assert report.looked_at["files"] == 4
    assert report.looked_at["relationships"] == 4
    assert report.looked_at["probes"] == 28
    assert json.loads(json.dumps(report.to_json()))["verdict"] == "valid"


def test_the_probes_leave_nothing_behind(system: System) -> None:
    before = {path for path in system.root.rglob("*") if path.is_dir()}
    audit(system.target())
    assert {path for path in system.root.rglob("*") if path.is_dir()} == before
    assert system.cypher("MATCH (n) RETURN count(n) AS n") == [[0]]


def test_a_naive_saga_that_undoes_only_completed_steps_is_convicted(system: System) -> None:
    """The snapshot was made, its answer lost; and a plain save arrives after its own rollback."""
    system.start("naive-1", P, ONE, LINKS)
    system.snapshot("naive-1", P, ONE)
    system.lose_the_answer("naive-1")
    system.undo_files("naive-1", P)
    system.undo_links("naive-1", P)
    system.log.roll_back("naive-1", FILES, RELATIONSHIPS, reason="timeout")
    late = {"project_id": P, "filename": "a.md", "content": ONE["a.md"]}
    system.call("POST", f"{system.filesystem}/save_file", P, json=late)
    report = audit(system.target())
    assert report.exit_status == 1
    assert report.orphans == {"files": 1, "snapshots": 1, "relationships": 0}
    assert kinds(report, "A2") == {("orphan", "files", "naive-1"), ("orphan", "snapshots", "naive-1")}
    assert kinds(report, "A1") == {
        ("lost compensation", "files", "naive-1"),
        ("false COMPENSATED", "snapshots", "naive-1"),
    }
    assert ("limbo", "locks", "naive-1") in kinds(report, "A3")
    assert ("false COMPENSATED", "histories", "naive-1") in kinds(report, "A5")


def test_relationships_and_pages_that_a_saga_left_are_orphans(system: System) -> None:
    system.commit("s1", P, ONE)
    system.log.begin("s2", P, OTHER, LINKS)
    system.save_links("s2", P, LINKS)
    system.log.roll_back("s2", RELATIONSHIPS)
    system.cypher("CREATE (:Page {project: $project, name: 'lonely', made_by: 's2'})", project=P)
    report = audit(system.target())
    assert report.orphans == {"files": 0, "snapshots": 0, "relationships": 2, "pages": 1}
    assert kinds(report, "A3") == {("limbo", "pending marks", "s2")}


def test_an_open_saga_is_limbo_with_its_locks_marks_and_undo_data_until_it_ends(system: System) -> None:
    system.commit("s1", P, ONE, LINKS)
    system.start("s2", P, OTHER, LINKS)
    made = system.snapshot("s2", P, OTHER)
    system.log.done("s2", SNAPSHOT, made)
    system.log.write("s2", "saga.committed", result={SNAPSHOT: made})
    report = audit(system.target())
    assert result(report, "A1") == "valid"
    assert kinds(report, "A3") == {
        ("limbo", "sagas", "s2"),
        ("limbo", "locks", "s2"),
        ("limbo", "undo data", "s2"),
        ("limbo", "redo data", "s2"),
        ("limbo", "pending marks", "s2"),
    }
    told: list[str] = []
    assert wait_until_quiet(system.log.path, 0.05, told.append) is False
    assert told == ["waiting for 1 open sagas"]

    def finish() -> None:
        system.confirm("s2", P)
        for step in STEPS:
            system.log.write("s2", "confirm.started", step)
            system.log.write("s2", "confirm.done", step, result=None)
        system.log.write("s2", "saga.finished")

    finishing = threading.Thread(target=finish)
    finishing.start()
    assert wait_until_quiet(system.log.path, 20.0, told.append) is True
    finishing.join()
    assert audit(system.target()).exit_status == 0


def test_a_system_at_work_is_never_called_invalid_for_what_moved_meanwhile(system: System) -> None:
    system.commit("s1", P, ONE, LINKS)

    def work(line: str) -> None:
        if line == "reading the repositories":  # the files are read, this saga's are not among them
            system.commit("s2", P, OTHER, LINKS)

    report = audit(system.target(), on_progress=work)
    assert {name: result(report, name) for name in ("A1", "A2", "A4")} == dict.fromkeys(("A1", "A2", "A4"), "unknown")
    assert report.exit_status == 2
    assert "wait until it is quiet" in unseen(report, "A1")
    assert audit(system.target()).exit_status == 0


def test_what_clients_were_told_is_held_against_everything(system: System, tmp_path: Path) -> None:
    snapshot_id = system.commit("s1", P, ONE, LINKS)
    system.roll_back("s2", P, OTHER, LINKS)
    journal = tmp_path / "journal.jsonl"
    hashes = {name: sha(text) for name, text in ONE.items()}
    lines = [
        {"saga_id": "s1", "project_id": P, "status": "success", "snapshot_id": snapshot_id, "files": hashes},
        {"saga_id": "s2", "project_id": P, "status": "failed", "snapshot_id": None},
    ]
    journal.write_text("".join(json.dumps(line) + "\n" for line in lines))
    report = audit(system.target(journal=journal))
    assert report.exit_status == 0
    assert report.looked_at["answers to clients"] == 2
    journal.write_text(json.dumps(lines[1] | {"status": "success", "snapshot_id": snap("s2")}) + "\n")
    report = audit(system.target(journal=journal))
    assert kinds(report, "A4") == {("false COMMITTED", "answers", "s2")}


def test_one_project_can_be_audited_alone(system: System) -> None:
    system.commit("s1", P, ONE, LINKS)
    system.start("s2", "proj-2", ONE, LINKS)
    assert audit(system.target()).exit_status == 1
    report = audit(system.target(project=P))
    assert report.exit_status == 0
    assert report.sagas == {"committed": 1}
    assert (report.looked_at["files"], report.looked_at["repositories"]) == (2, 1)
    assert audit(system.target(project="proj-2")).exit_status == 1


@pytest.mark.parametrize(
    ("changes", "names"),
    [
        ({"neo4j_url": None}, {"A1", "A2", "A3", "A4", "A5", "A6"}),
        ({"neo4j_url": "http://127.0.0.1:9"}, {"A1", "A2", "A3", "A4", "A5", "A6"}),
        ({"token": lambda project: "no.such.token"}, {"A1", "A2", "A3", "A4", "A5", "A6"}),
        ({"token": None}, {"A1", "A2", "A3", "A4", "A5", "A6"}),
        ({"git_url": None}, {"A6"}),
        ({"filesystem_url": "http://127.0.0.1:9"}, {"A6"}),
        ({"saga_log": Path("no-such.sqlite3")}, {"A1", "A2", "A3", "A4", "A5"}),
        ({"git_data": Path("no-such-folder")}, {"A1", "A2", "A3", "A4", "A5", "A6"}),
        ({"filesystem_data": Path("no-such-folder")}, {"A1", "A2", "A3", "A4", "A6"}),
        ({"journal": Path("no-such.jsonl")}, {"A4"}),
    ],
)
def test_what_cannot_be_seen_is_unknown_and_never_green(
    system: System, changes: dict[str, object], names: set[str]
) -> None:
    system.commit("s1", P, ONE, LINKS)
    report = audit(system.target(**changes))
    assert report.exit_status == 2
    assert {row.name for row in report.invariants if row.verdict == "unknown"} == names
    assert not any(row.findings for row in report.invariants)


def test_an_open_door_is_found(system: System, tmp_path: Path) -> None:
    careless = Flask("careless")
    data = system.root / "filesystem_server"

    @careless.route("/<path:path>", methods=["POST", "DELETE"])
    def take(path: str) -> tuple[dict[str, str], int]:
        if path.startswith("files/"):
            (data / path.removeprefix("files/")).mkdir(exist_ok=True)
        return {}, 401 if path.startswith("files/") else 201

    with serving(careless) as url:
        report = audit(system.target(filesystem_url=url))
    findings = next(row.findings for row in report.invariants if row.name == "A6")
    assert {str(finding.word) for finding in findings} == {"open door"}
    assert {finding.evidence.split(" with ")[0].split("/")[1] for finding in findings} == {"save_file", "files"}
    assert any("with a badly signed token was answered 401; its effect is there" in row.evidence for row in findings)


def test_the_token_of_another_project_is_tried_with_a_good_signature(system: System) -> None:
    minted: list[str] = []

    def mint(project: str) -> str:
        minted.append(project)
        return token(project)

    report = audit(system.target(token=mint))
    assert report.exit_status == 0
    assert sum(project.endswith("-other") for project in minted) == 7


def test_a_large_graph_is_read_in_several_answers(system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(5):
        system.commit(f"s{number}", f"p{number}", ONE, LINKS)
    system.cypher("CREATE (:Page {name: 'a'})-[:LINKS_TO {saga_id: 'ghost'}]->(:Page {name: 'b'})")
    monkeypatch.setattr(neo4j, "MOST_AT_ONCE", 4)
    report = audit(system.target())
    assert report.looked_at["relationships"] == 11
    assert kinds(report, "A2") == {("orphan", "relationships", "ghost")}
    assert {finding.project for finding in report.invariants[1].findings} == {None}


def test_the_graph_is_read_with_user_and_password_as_a_real_server_wants_it(tmp_path: Path) -> None:
    settings = neo4j_stub.app.Settings(internal_token_keys=KEYS, data_dir=tmp_path, neo4j_password="secret")
    app = neo4j_stub.app.create_app(settings)
    with requests.Session() as session, serving(app) as url:
        session.trust_env = False
        known = neo4j.Graph(session, url.replace("http://", "http://neo4j:secret@"), None)
        assert list(neo4j.read_graph(known).relationships) == []
        with pytest.raises(neo4j.GraphTrouble, match="401"):
            neo4j.read_graph(neo4j.Graph(session, url, None))
        assert probes.without_user("http://neo4j:secret@host:7474/x") == "http://host:7474/x"
    app.extensions["close"]()


def test_the_target_is_read_only_for_the_log(system: System) -> None:
    system.commit("s1", P, ONE, LINKS)
    system.log.db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    before = system.log.path.read_bytes()
    target: AuditTarget = system.target()
    assert audit(target).exit_status == 0
    assert system.log.path.read_bytes() == before
