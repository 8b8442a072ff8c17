"""`testbed backup` under load and `testbed restore`, on both databases; and why the order of the copies matters."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from chaos.auditor.audit import AuditReport, audit
from chaos.experiments.client import BackendClient, documents, told
from chaos.experiments.proxy import FaultProxy
from chaos.running_system import RunningSystem
from testbed import backup as backup_module
from testbed import supervisor
from testbed.backup import copy_log, copy_participants
from testbed.commands.audit import target_of
from tests.support.postgres import server_or_skip
from tests.system.support import another_worker, as_json, call, environment, running, until
from tests.system.test_worker_kill import SNAPSHOT, step_state

pytestmark = pytest.mark.xdist_group("backup")  # its servers are started once
LIMIT = 60.0
SETTINGS = {"LEASE": "2", "CALL_TIMEOUT": "4", "WORKER_GRACE": "1"}
PROJECTS = [f"backup-{number}" for number in range(4)]


@dataclass
class World:
    """A running system with two workers, and where a copy of it could go."""

    system: RunningSystem
    database: dict[str, str]

    @property
    def client(self) -> BackendClient:
        return BackendClient(self.system)


@pytest.fixture(scope="module", params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
def world(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with ExitStack() as stack:
        first: dict[str, str] = {}
        second: dict[str, str] = {}
        if request.param == "postgresql":
            server = stack.enter_context(server_or_skip())
            first, second = ({"SAGA_LOG_URL": server.create(name)} for name in ("first", "second"))
        env = environment(**SETTINGS, **first)
        state = tmp_path_factory.mktemp("original")
        yield World(stack.enter_context(running(state, "--workers", "2", env=env)), second)


@pytest.mark.timeout(240)
def test_a_backup_under_load_is_restored_to_a_system_whose_audit_is_valid(world, tmp_path):
    """Open sagas are in it: recovery ends them. What users were told before it is there; what came after it is not."""
    client, before, stop = world.client, tmp_path / "told.jsonl", threading.Event()
    for project in PROJECTS:
        client.add_documents(project, documents(project, "first"))
    toxic = FaultProxy(world.system).add("backend_git", "latency", stream="upstream", latency=1000)
    ends: list[dict[str, object]] = []
    with ThreadPoolExecutor(len(PROJECTS)) as pool:
        users = [pool.submit(generate_until, stop, BackendClient(world.system), project, ends) for project in PROJECTS]
        try:
            until(lambda: len(ends) >= len(PROJECTS), "some users have their wikis", LIMIT)
            journal = [told(end) for end in list(ends)]
            made = as_json(call(world.system.state, "backup", str(tmp_path / "copy"), "--json"))
        finally:
            stop.set()
            FaultProxy(world.system).remove("backend_git", toxic)
        for user in users:
            user.result()
    assert made["open_sagas"] > 0
    assert {end["state"] for end in ends} <= {"committed", "rolled_back"}
    assert len(ends) > len(journal)  # the users went on
    before.write_text("".join(json.dumps(line) + "\n" for line in journal))
    assert as_json(call(world.system.state, "audit", "--json"))["verdict"] == "valid"

    shutil.move(tmp_path / "copy", tmp_path / "elsewhere")
    fresh = tmp_path / "fresh"
    done = call(fresh, "restore", str(tmp_path / "elsewhere"), env=environment(**world.database))
    assert done.returncode == 0, done.stderr
    with running(fresh, env=environment(**SETTINGS)):
        report = as_json(call(fresh, "audit", "--json", "--wait", str(LIMIT), "--journal", str(before)))
        assert report["verdict"] == "valid", report["first_evidence"]
        assert sum(report["sagas"].values()) >= len(journal) + made["open_sagas"]
        again = BackendClient(RunningSystem.load(fresh))
        saga = again.start(PROJECTS[0])["saga_id"]
        assert again.wait(saga, LIMIT)["state"] == "committed"  # nothing holds the project
    done = call(fresh, "restore", str(tmp_path / "elsewhere"), env=environment(**world.database))
    assert (done.returncode, "holds a system" in done.stderr) == (2, True)


def generate_until(stop: threading.Event, client: BackendClient, project: str, ends: list[dict[str, object]]) -> None:
    while not stop.is_set():
        ends.append(client.wait(client.start(project)["saga_id"], LIMIT))


def test_a_worker_that_the_backup_does_not_know_makes_it_fail_and_everything_goes_on(world, tmp_path, monkeypatch):
    client = world.client
    client.add_documents("stranger", documents("stranger", "first"))
    real = backup_module.copy_log

    def copy_while_the_stranger_works(*arguments: object) -> None:
        assert client.wait(client.start("stranger")["saga_id"], LIMIT)["state"] == "committed"
        real(*arguments)

    monkeypatch.setattr(backup_module, "copy_log", copy_while_the_stranger_works)
    with another_worker(world.system, "stranger") as log:
        until(lambda: b"is ready" in log.read_bytes(), "the stranger works")
        with pytest.raises(backup_module.Failure, match="a worker that this command does not know wrote"):
            backup_module.back_up(world.system.state, tmp_path / "copy")
    assert not (tmp_path / "copy").exists()
    assert set(map(str, supervisor.states(world.system).values())) == {"ready"}


def test_nothing_moves_while_the_participants_are_copied_and_everything_moves_after_it(world, tmp_path, monkeypatch):
    state, seen = world.system.state, {}
    real = backup_module.copy_participants

    def look(*arguments: object) -> None:
        seen.update({name: str(how) for name, how in supervisor.states(world.system).items()})
        real(*arguments)

    monkeypatch.setattr(backup_module, "copy_participants", look)
    backup_module.back_up(state, tmp_path / "copy")
    halted = {name for name, how in seen.items() if how == "stopped"}
    assert halted == {"filesystem_server", "git_server", "neo4j_stub", "chroma_stub"}
    assert {seen[name] for name in world.system.workers()} == {"dead"}
    assert set(map(str, supervisor.states(world.system).values())) == {"ready"}


def copied(world: World, folder: Path) -> Path:
    """A state folder of copies, to be audited from its disks alone."""
    if not isinstance(world.system.saga_log, Path):
        pytest.skip("the order is the same on every database")
    (folder / "data" / "backend").mkdir(parents=True)
    return folder


def test_a_log_that_is_older_than_the_participants_knows_nothing_of_what_they_have(world, tmp_path):
    folder, client = copied(world, tmp_path / "older"), world.client
    copy_log(world.system.saga_log, folder / "data" / "backend")
    generate(client, "order-older")
    copy_participants(world.system.state, folder)
    assert words(audited(folder)) >= {"orphan"}


def test_a_log_that_is_newer_by_a_decision_promises_what_the_participants_do_not_have(world, tmp_path):
    folder, client = copied(world, tmp_path / "newer"), world.client
    generate(client, "order-newer")
    copy_participants(world.system.state, folder)
    client.add_documents("order-newer", documents("order-newer", "second"))
    generate(client, "order-newer")
    copy_log(world.system.saga_log, folder / "data" / "backend")
    assert words(audited(folder)) >= {"lost update"}


@pytest.mark.slow
def test_a_log_that_is_newer_and_undecided_is_safe(world, tmp_path):
    """The saga began, and perhaps acted, after the participants were copied: whoever restores that undoes nothing."""
    folder, client = copied(world, tmp_path / "undecided"), world.client
    proxy = FaultProxy(world.system)
    copy_participants(world.system.state, folder)
    toxic = proxy.add("backend_git", "latency", stream="upstream", latency=3000)
    try:
        client.add_documents("order-open", documents("order-open", "first"))
        saga = client.start("order-open")["saga_id"]
        until(lambda: step_state(client, saga, SNAPSHOT) == "running", "its files are saved", LIMIT)
        copy_log(world.system.saga_log, folder / "data" / "backend")
    finally:
        proxy.remove("backend_git", toxic)
    assert client.wait(saga, LIMIT)["state"] in ("committed", "rolled_back")
    with running(folder, env=environment(**SETTINGS)) as restored:
        assert BackendClient(restored).wait(saga, LIMIT)["state"] == "rolled_back"
        assert as_json(call(folder, "audit", "--json", "--wait", str(LIMIT)))["verdict"] == "valid"


def generate(client: BackendClient, project: str) -> None:
    client.add_documents(project, documents(project, "first"))
    assert client.wait(client.start(project)["saga_id"], LIMIT)["state"] == "committed"


def audited(folder: Path) -> AuditReport:
    return audit(target_of(folder))


def words(report: AuditReport) -> set[str]:
    return {str(finding.word) for result in report.invariants for finding in result.findings}


@pytest.mark.slow
def test_what_is_no_whole_backup_is_refused(world, tmp_path):
    made, fresh = tmp_path / "copy", tmp_path / "fresh"
    generate(world.client, "whole")
    assert call(world.system.state, "backup", str(made)).returncode == 0
    assert made.stat().st_mode & 0o077 == 0
    assert call(world.system.state, "backup", str(made)).returncode == 2  # never over another one
    next(path for path in made.rglob("*.md")).unlink()
    done = call(fresh, "restore", str(made), env=environment(**world.database))
    assert (done.returncode, "is not whole" in done.stderr) == (1, True)
    (fresh.parent / "composed").mkdir()
    (fresh.parent / "composed" / "compose.json").write_text("{}")
    done = call(fresh.parent / "composed", "backup", str(tmp_path / "other"))
    assert (done.returncode, "runs in docker compose" in done.stderr) == (2, True)
    (made / "backup.json").unlink()
    done = call(fresh, "restore", str(made), env=environment(**world.database))
    assert (done.returncode, "is no backup" in done.stderr) == (1, True)
    assert not fresh.exists()
