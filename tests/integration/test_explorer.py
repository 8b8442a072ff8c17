"""The explorer on the right saga: complete, deterministic, and without a finding."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from chaos.auditor.verdicts import Verdict
from chaos.explorer.exploration import explore, explore_at_random
from chaos.explorer.registry import NoSuchScenario, scenario_of
from chaos.explorer.run import Run, Stage, on_stage
from chaos.explorer.schedule import CALL_KINDS, READ_KINDS, WRITE_KINDS, Fault, FaultKind, Point, Schedule
from chaos.explorer.search import explored
from chaos.explorer.story import story
from tests.integration.explorer_stages import digests, run_bytes

SAVE, SNAPSHOT = "coordinator → filesystem_server: save files", "coordinator → git_server: create snapshot"
UNDO_FILES = "coordinator → filesystem_server: undo files"


@pytest.fixture(scope="module")
def wiki() -> Iterator[Stage]:
    with on_stage(scenario_of("wiki")) as stage:
        yield stage


def under(stage: Stage, *faults: tuple[str, FaultKind]) -> Run:
    return stage.run(Schedule("wiki", tuple(Fault(Point(what, 1), kind) for what, kind in faults)))


@pytest.mark.parametrize("name", ["wiki", "wiki-hasty"])
def test_no_single_fault_anywhere_leaves_anything_behind(name: str) -> None:
    report = explore(scenario_of(name), faults=1)
    assert report.verdict is Verdict.VALID, [story(run) for run in report.failing]
    assert report.never_fired == 0
    assert set(report.tried) == {str(kind) for kind in FaultKind}


def test_every_point_meets_every_kind_of_fault(wiki: Stage) -> None:
    base = wiki.run(Schedule("wiki"))
    wanted = {(passed.point, kind) for passed in base.passed for kind in passed.kinds}
    kinds = {tuple(passed.kinds) for passed in base.passed}
    assert {tuple(CALL_KINDS), tuple(WRITE_KINDS)} <= kinds
    assert {kind for found in kinds for kind in found} == {*CALL_KINDS, *READ_KINDS, *WRITE_KINDS} == set(FaultKind)
    met = [(fault.point, fault.kind) for run in explored(wiki, Schedule("wiki"), 1) for fault in run.fired]
    assert set(met) == wanted


def test_one_saga_meets_three_files_three_participants_and_its_own_log(wiki: Stage) -> None:
    points = [passed.point.what for passed in wiki.run(Schedule("wiki")).passed]
    assert [what for what in points if what.startswith("git_server → filesystem_server: read")] == [
        f"git_server → filesystem_server: read {name}.md" for name in "abc"
    ]
    assert {SAVE, SNAPSHOT} <= set(points)
    assert any(what.startswith("coordinator writes saga.committed") for what in points)


def test_two_faults_meet_compensations_and_recovery(wiki: Stage) -> None:
    run = under(wiki, (SNAPSHOT, FaultKind.REFUSED), (UNDO_FILES, FaultKind.RESPONSE_LOST))
    assert run.verdict is Verdict.VALID
    assert run.states["wiki-alpha-now"] == "rolled_back"
    assert sum(entry.what == "undo files" for entry in run.trace) == 2


def test_a_killed_coordinator_is_followed_by_another_that_recovers(wiki: Stage) -> None:
    base = wiki.run(Schedule("wiki"))
    write = next(p.point.what for p in base.passed if "step.started of Create git snapshot" in p.point.what)
    run = under(wiki, (write, FaultKind.KILLED_AFTER))
    assert run.states["wiki-alpha-now"] == "rolled_back"
    assert {entry.source for entry in run.trace if entry.what == "undo files"} == {"coordinator 2"}


def test_a_paused_coordinator_wakes_up_and_does_no_harm(wiki: Stage) -> None:
    run = under(wiki, (SNAPSHOT, FaultKind.PAUSED))
    late = [entry for entry in run.trace if entry.source == "coordinator 1" and entry.what == "create snapshot"]
    assert [(entry.outcome, entry.detail) for entry in late] == [("409", "saga-compensated")]
    assert run.verdict is Verdict.VALID


def test_a_late_call_meets_the_barrier(wiki: Stage) -> None:
    run = wiki.run(
        Schedule(
            "wiki",
            (
                Fault(Point(SAVE, 1), FaultKind.LATE, -1),
                Fault(Point(SNAPSHOT, 1), FaultKind.REFUSED),
            ),
        )
    )
    assert [(entry.kind, entry.detail) for entry in run.trace][-1] == ("late", "saga-compensated")
    assert run.verdict is Verdict.VALID


def test_a_full_disk_is_a_real_one(wiki: Stage) -> None:
    run = under(wiki, (SAVE, FaultKind.DISK_FULL))
    assert [entry.outcome for entry in run.trace if entry.what == "save files"] == ["507", "201"]


def test_an_expired_token_is_refused_and_minted_again(wiki: Stage) -> None:
    run = under(wiki, (SAVE, FaultKind.EXPIRED))
    assert [entry.outcome for entry in run.trace if entry.what == "save files"] == ["401", "201"]


def test_nothing_waits_in_a_run(wiki: Stage) -> None:
    faults = tuple(Fault(Point(SNAPSHOT, nth), FaultKind.REQUEST_LOST) for nth in (1, 2, 3, 4))
    began = time.monotonic()
    run = wiki.run(Schedule("wiki", faults))
    assert run.trace[-1].at >= 30
    assert time.monotonic() - began < 30
    assert run.verdict is Verdict.VALID


def test_a_fault_that_never_happens_is_told(wiki: Stage) -> None:
    fault = Fault(Point("nowhere", 1), FaultKind.REFUSED)
    assert wiki.run(Schedule("wiki", (fault,))).never_fired == (fault,)


def test_a_fault_of_a_kind_that_cannot_happen_at_its_point_is_told_as_never_happened(wiki: Stage) -> None:
    write = next(passed.point for passed in wiki.base.passed if FaultKind.CANCELLED in passed.kinds)
    read = next(passed.point for passed in wiki.base.passed if passed.point.what.startswith("git_server → "))
    cannot = (
        Fault(Point(SNAPSHOT, 1), FaultKind.LOG_FULL),
        Fault(write, FaultKind.DISK_FULL),
        Fault(read, FaultKind.PAUSED),
    )
    can = (Fault(read, FaultKind.RESPONSE_LOST),)  # not tried, because it is as the request's loss, but possible
    run = wiki.run(Schedule("wiki", (*cannot, *can)))
    assert (run.never_fired, run.fired) == (cannot, can)
    assert [entry.outcome for entry in run.trace if entry.kind == "fault"] == ["response lost"]
    told = story(run)
    assert "(never happened, for it cannot there: log's disk full: coordinator → git_server: create snapshot)" in told
    assert "verdict: valid (3 of the schedule's 4 faults never happened)" in told


def test_the_same_schedule_gives_the_same_run_to_the_byte(wiki: Stage) -> None:
    with on_stage(scenario_of("wiki")) as other:
        for run in explored(wiki, Schedule("wiki"), 1):
            assert run_bytes(run) == run_bytes(other.run(run.schedule))


def _of_another_process(scenario: str, count: int) -> list[str]:
    command = [sys.executable, "-m", "tests.integration.explorer_stages", scenario, str(count)]
    environment = {**os.environ, "PYTHONHASHSEED": "42"}
    return subprocess.run(command, capture_output=True, text=True, check=True, env=environment).stdout.split()


@pytest.mark.parametrize(
    ("scenario", "count"),
    [
        ("wiki", 40),
        ("wiki-crowd", 12),
        pytest.param("wiki", 1000, marks=[pytest.mark.slow, pytest.mark.timeout(600)]),
        pytest.param("wiki-crowd", 60, marks=[pytest.mark.slow, pytest.mark.timeout(600)]),
    ],
)
def test_the_same_seed_gives_the_same_run_in_another_process(scenario: str, count: int) -> None:
    with on_stage(scenario_of(scenario)) as stage:
        ours = digests(stage, range(count))
    assert ours == _of_another_process(scenario, count)
    assert len(set(ours)) > count * 0.9


def test_sagas_that_interleave_at_random_leave_nothing_behind() -> None:
    report = explore_at_random(scenario_of("wiki-crowd"), count=15, seed=3)
    assert report.verdict is Verdict.VALID, [story(run) for run in report.failing]
    assert report.most_faults > 1


@pytest.mark.parametrize("name", ["wiki", "chaos.gallery.wrong:undo_by_item"])
def test_processes_that_share_the_work_find_the_same(name: str) -> None:
    alone, shared = (explore(scenario_of(name), faults=1, processes=count) for count in (1, 2))
    assert (alone.runs, alone.tried, alone.points) == (shared.runs, shared.tried, shared.points)
    assert [run.schedule for run in alone.failing] == [run.schedule for run in shared.failing]
    assert [run.schedule for run in alone.minimal] == [run.schedule for run in shared.minimal]


@pytest.mark.parametrize("processes", [1, 2])
def test_the_search_ends_with_the_first_counterexample_when_told_to(processes: int) -> None:
    wrong = scenario_of("chaos.gallery.wrong:undo_by_item")
    for report in (
        explore(wrong, faults=2, processes=processes, stop_at_first=True),
        explore_at_random(wrong, count=500, seed=1, processes=processes, stop_at_first=True),
    ):
        assert (report.verdict, report.invalid, len(report.minimal)) == (Verdict.INVALID, 1, 1)


@pytest.mark.parametrize("name", [":", "a:", ":b", "..x:y", "wiki:", ""])
def test_what_is_no_name_of_a_scenario_is_told_what_would_be_one(name: str) -> None:
    with pytest.raises(NoSuchScenario, match=f"no scenario '{name}': .*package.module:factory"):
        scenario_of(name)


def test_a_module_that_cannot_be_imported_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "half_written.py").write_text("def booking(:")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(NoSuchScenario, match="half_written:booking cannot be imported: SyntaxError"):
        scenario_of("half_written:booking")


@pytest.mark.parametrize("name", ["wiky", "chaos.explorer.nothing:here", "chaos.explorer.wiki:nothing", "os:getcwd"])
def test_a_scenario_that_is_not_there_is_named(name: str) -> None:
    with pytest.raises(NoSuchScenario, match=name.partition(":")[0]):
        scenario_of(name)
