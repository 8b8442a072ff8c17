"""Killed at every call that changes the disk, git_server has either the whole effect or none, and says which."""

from __future__ import annotations

import itertools
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from git_server.errors import RepositoryUnavailable
from git_server.lock import ProjectLocks
from git_server.maintenance import Maintenance
from git_server.store import SnapshotStore
from service_kit.barrier import Branch
from tests.integration.git_crash_driver import PROJECT, act, open_store
from tests.integration.git_plan import PLAN, Plan
from tests.integration.git_support import assert_sound, main_of

COMPILER = shutil.which("cc")
pytestmark = pytest.mark.skipif(COMPILER is None, reason="needs a C compiler to build the library that kills")
HERE = Path(__file__).parent
MANY = 10_000  # no operation has so many kill points

# What stood before, as (operation, saga), and then the operation that is killed.
SCENARIOS = {
    "first snapshot": ([], ("snapshot", "s1")),
    "next snapshot": ([("snapshot", "s0"), ("confirm", "s0")], ("snapshot", "s1")),
    "undo of the first": ([("snapshot", "s1")], ("undo", "s1")),
    "undo of the next": ([("snapshot", "s0"), ("confirm", "s0"), ("snapshot", "s1")], ("undo", "s1")),
    "undo before do": ([("snapshot", "s0"), ("confirm", "s0")], ("undo", "s1")),
    "confirm": ([("snapshot", "s1")], ("confirm", "s1")),
    "restart": ([("snapshot", "s0"), ("confirm", "s0"), ("decide", "s1")], ("restart", "s1")),
    "clean": (
        [("snapshot", "s0"), ("confirm", "s0"), ("snapshot", "s2"), ("undo", "s2"), ("snapshot", "s1")],
        ("clean", "s1"),
    ),
}


@dataclass
class Driver:
    process: subprocess.Popen[str]
    plan: Plan

    def run(self, data: Path, operation: str, saga: str, target: int, mode: str, torn: bool = False) -> dict[str, Any]:
        order = {"data": str(data), "operation": operation, "saga": saga, "target": target, "mode": mode, "torn": torn}
        assert self.process.stdin and self.process.stdout
        self.process.stdin.write(json.dumps(order) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())


@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Driver]:
    folder = tmp_path_factory.mktemp("killpoints")
    library, plan = folder / "killpoints.so", folder / "plan"
    subprocess.run(
        [str(COMPILER), "-shared", "-fPIC", "-O1", "-o", library, HERE / "git_killpoints.c", "-ldl"], check=True
    )
    Plan.make(plan)
    env = os.environ | {"LD_PRELOAD": str(library), PLAN: str(plan)}
    command = [sys.executable, "-m", "tests.integration.git_crash_driver"]
    with subprocess.Popen(command, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield Driver(process, Plan.open(str(plan)))
        assert process.stdin
        process.stdin.close()


def prepare(folder: Path, name: str) -> Path:
    data = folder / "base"
    store = open_store(data)
    for operation, saga in SCENARIOS[name][0]:
        act(store, operation, saga)
    store.ledger.close()
    return data


def effect(store: SnapshotStore) -> str | None:
    """What the barrier says became of saga s1."""
    items = store.ledger.record(Branch("s1", PROJECT))[1]
    return items[0].effect if items else None


def assert_recovered(data: Path, before: str | None, after: str | None) -> str | None:
    """After a restart everything agrees: barrier, main, and the files on disk. Returns the barrier's word."""
    store = open_store(data)
    Maintenance(store, retention=1e9, grace=0).start_up()
    assert store.ledger.unsettled_projects() == []
    word, main = effect(store), main_of(data)
    store.ledger.close()
    assert main in (before, after)
    assert_sound(data)
    assert not [*data.glob("**/*.lock"), *data.glob("**/tmp_*")]
    return word


def check_point(data: Path, scenario: str, facts: dict[str, str | None]) -> None:
    """One kill is survived: sound at once, consistent after a restart, and the saga can go either way."""
    before, after = facts["before"], facts["after"]
    if scenario == "clean":  # fsck trips over packs that a gc, alive without its worker, replaces under its eyes
        with ProjectLocks(data / ".locks", 10.0).hold(PROJECT):
            assert_sound(data)
    assert_sound(data)
    assert main_of(data) in (before, after)
    word = assert_recovered(data, before, after)
    if word in ("done", "confirmed"):
        assert main_of(data) == facts["with s1"]
    else:
        assert main_of(data) == facts["without s1"]
    operation, saga = SCENARIOS[scenario][1]
    store = open_store(data)
    assert act(store, operation, saga) in ("ok", facts["answer"])  # the repeat succeeds, with the same commit
    assert main_of(data) == after
    if operation == "confirm":
        assert act(store, "undo", "s1") == "conflict"
    else:
        assert act(store, "undo", "s1") == "ok"
        assert main_of(data) == facts["without s1"]
        assert act(store, "snapshot", "s1") == "saga-compensated"
    assert act(store, "snapshot", "s9") not in ("locked", "ok", "repository-unavailable")  # the lock is free again
    store.ledger.close()
    assert_sound(data)


def facts_of(driver: Driver, folder: Path, scenario: str) -> tuple[Path, dict[str, str | None]]:
    """The scenario's base folder, and where main is before and after the operation, and with and without s1."""
    base = prepare(folder, scenario)
    done = folder / "undisturbed"
    shutil.copytree(base, done)
    report = driver.run(done, *SCENARIOS[scenario][1], MANY, "all")
    assert not report["killed"]
    before, after = main_of(base), main_of(done)
    with_s1 = {"snapshot": after, "undo": before}.get(SCENARIOS[scenario][1][0], after)
    undone = folder / "undone"
    shutil.copytree(base, undone)
    store = open_store(undone)
    act(store, "undo", "s1")
    store.ledger.close()
    return base, {
        "before": before,
        "after": after,
        "with s1": with_s1,
        "without s1": main_of(undone),
        "answer": report["answer"],
    }


def kill_everywhere(
    driver: Driver, folder: Path, scenario: str, mode: str, *, torn: bool = False, every: int = 1
) -> int:
    """Kill at each ``every``-th point of the scenario; how many kills were survived."""
    base, facts = facts_of(driver, folder, scenario)
    for kills, target in enumerate(range(0, MANY, every)):
        data = folder / "run"
        shutil.copytree(base, data)
        report = driver.run(data, *SCENARIOS[scenario][1], target, mode, torn)
        if not report["fired"]:
            return kills
        check_point(data, scenario, facts)
        shutil.rmtree(data)
    raise AssertionError("the operation never ended")


WITHOUT_GIT = ("undo before do", "confirm")
CASES = [
    (scenario, mode)
    for scenario in SCENARIOS
    for mode in ("all", "worker", "git")
    if mode != "git" or scenario not in WITHOUT_GIT
]


@pytest.mark.parametrize(("scenario", "mode"), CASES)
def test_killed_at_a_sample_of_calls_it_has_the_whole_effect_or_none(
    driver: Driver, tmp_path: Path, scenario: str, mode: str
) -> None:
    assert kill_everywhere(driver, tmp_path, scenario, mode, every={"all": 11, "worker": 23, "git": 13}[mode]) > 0


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("torn", [False, True], ids=["whole writes", "half writes"])
@pytest.mark.parametrize(("scenario", "mode"), CASES)
def test_killed_at_every_call_it_has_the_whole_effect_or_none(
    driver: Driver, tmp_path: Path, scenario: str, mode: str, torn: bool
) -> None:
    kills = kill_everywhere(driver, tmp_path, scenario, mode, torn=torn)
    print(f"{kills} kills survived")
    assert kills > 0


def test_nobody_goes_on_while_a_killed_workers_git_is_still_there(driver: Driver, tmp_path: Path) -> None:
    """Else that git could move main after its saga was undone: it keeps the project's lock (hanging, R6)."""
    base = prepare(tmp_path, "next snapshot")
    before = main_of(base)
    calls = 0
    for target in range(MANY):
        data = tmp_path / str(target)
        shutil.copytree(base, data)
        report = driver.run(data, "snapshot", "s1", target, "worker, git frozen")
        if not report["fired"]:
            break
        calls += 1
        store = open_store(data, lock_timeout=0.02)
        with pytest.raises(RepositoryUnavailable):
            store.undo(Branch("s1", PROJECT))
        driver.plan.thaw()
        store.locks.timeout = 10.0
        store.undo(Branch("s1", PROJECT))
        store.ledger.close()
        assert main_of(data) == before
        assert_sound(data)
    assert calls > 10


def disk_fails_everywhere(driver: Driver, folder: Path, scenario: str, fault: str, every: int) -> set[str]:
    """From each ``every``-th call on the disk fails; then it works again. What the callers were told."""
    base, facts = facts_of(driver, folder, scenario)
    told = set()
    for target in range(0, MANY, every):
        data = folder / "run"
        shutil.copytree(base, data)
        report = driver.run(data, *SCENARIOS[scenario][1], target, fault)
        if not report["fired"]:
            break
        assert not report["killed"]
        told.add(report["answer"])
        check_point(data, scenario, facts)
        shutil.rmtree(data)
    return told - {facts["answer"]}


TROUBLE = {"disk full": "storage-full", "read-only": "unavailable"}
every_case_of_trouble = pytest.mark.parametrize(("scenario", "fault"), [*itertools.product(SCENARIOS, TROUBLE)])


@every_case_of_trouble
def test_a_disk_that_fails_at_a_sample_of_calls_is_a_clear_problem_and_no_partial_effect(
    driver: Driver, tmp_path: Path, scenario: str, fault: str
) -> None:
    told = disk_fails_everywhere(driver, tmp_path, scenario, fault, every=29)
    assert TROUBLE[fault] in told <= {TROUBLE[fault], "repository-unavailable", "unavailable"}


@pytest.mark.slow
@pytest.mark.timeout(600)
@every_case_of_trouble
def test_a_disk_that_fails_at_any_call_is_a_clear_problem_and_no_partial_effect(
    driver: Driver, tmp_path: Path, scenario: str, fault: str
) -> None:
    told = disk_fails_everywhere(driver, tmp_path, scenario, fault, every=1)
    assert TROUBLE[fault] in told <= {TROUBLE[fault], "repository-unavailable", "unavailable"}
