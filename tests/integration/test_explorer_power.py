"""What the explorer must find: bugs in the real engine and participants, each put in for one exploration."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import requests

from backend.saga import decide
from backend.saga.state import SagaState
from backend.saga_log.memory import MemorySagaLog
from chaos.auditor.verdicts import Verdict
from chaos.explorer.exploration import explore
from chaos.explorer.machines import App, AppOnFolder
from chaos.explorer.registry import scenario_of
from chaos.explorer.run import Run, Stage, on_stage
from chaos.explorer.scenario import Anomaly
from chaos.explorer.schedule import Fault, FaultKind, Point, Schedule
from chaos.explorer.search import AT_THE_END, explored
from chaos.explorer.wire import Answer, Request
from service_kit.barrier import Barrier, Branch, Effect

SAVE, SNAPSHOT = "coordinator → filesystem_server: save files", "coordinator → git_server: create snapshot"


@pytest.fixture
def stage() -> Iterator[Stage]:
    with on_stage(scenario_of("wiki-hasty")) as opened:
        yield opened


def under(stage: Stage, *faults: Fault) -> Run:
    return stage.run(Schedule("wiki-hasty", faults))


def test_a_late_snapshot_between_its_own_undo_and_that_of_the_files_it_reads(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """git_server without a barrier: at the very end the files are gone, and the late snapshot fails for that alone."""
    forgetful = "UPDATE barrier_item SET effect = 'undone' WHERE saga_id = ? AND project = ? AND item = ?"

    def undo(barrier: Barrier, branch: Branch, item: str) -> bool:
        return barrier._db.execute(f"{forgetful} AND effect = 'done'", (*vars(branch).values(), item)).rowcount == 1

    monkeypatch.setattr(Barrier, "undo", undo)
    assert under(stage, Fault(Point(SNAPSHOT, 1), FaultKind.LATE, AT_THE_END)).verdict is Verdict.VALID
    report = explore(scenario_of("wiki-hasty"), faults=1, stop_at_first=True)
    (minimal,) = report.minimal
    assert Anomaly.OVERTAKEN in minimal.anomalies
    assert minimal.schedule.faults == (Fault(Point(SNAPSHOT, 1), FaultKind.LATE, 2),)


@pytest.mark.parametrize("kind", [FaultKind.LATE, FaultKind.PAUSED])
def test_an_undo_is_overtaken_by_a_late_call_and_by_one_of_a_late_coordinator(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, kind: FaultKind
) -> None:
    """filesystem_server without a barrier."""
    monkeypatch.setattr(Barrier, "undo_all", lambda barrier, branch: barrier._close_items(branch, Effect.UNDONE))
    late = AT_THE_END if kind is FaultKind.LATE else 0
    assert Anomaly.OVERTAKEN in under(stage, Fault(Point(SAVE, 1), kind, late)).anomalies


def test_a_coordinator_that_wakes_up_at_its_write_is_fenced_off(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    append = MemorySagaLog.append

    def unfenced(log: MemorySagaLog, saga_id: str, fence: int, known_seq: int, events: list[object]) -> object:
        return append(log, saga_id, log.get(saga_id).fence, known_seq, events)  # type: ignore[arg-type]

    commit = Fault(Point("coordinator writes saga.committed", 1), FaultKind.PAUSED)
    names = [passed.point.what for passed in stage.base.passed]
    what = next(name for name in names if name.startswith(commit.point.what))
    paused = Fault(Point(what, 1), FaultKind.PAUSED)
    assert under(stage, paused).verdict is Verdict.VALID
    monkeypatch.setattr(MemorySagaLog, "append", unfenced)
    assert Anomaly.WRONG_ORDER in under(stage, paused).anomalies


def test_a_cancel_is_seen_at_every_write_but_the_commit(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    writes = [p.point for p in stage.base.passed if FaultKind.CANCELLED in p.kinds]
    runs = [under(stage, Fault(point, FaultKind.CANCELLED)) for point in writes]
    commit = next(n for n, point in enumerate(writes) if "saga.committed" in point.what)
    assert [run.states["wiki-alpha-now"] for run in runs[:commit]] == ["rolled_back"] * commit
    assert {run.states["wiki-alpha-now"] for run in runs[commit:]} == {"committed"}
    monkeypatch.setattr(decide, "_reason_to_turn_back", lambda definition, history: None)
    assert Anomaly.FALSE_COMMITTED in under(stage, Fault(writes[0], FaultKind.CANCELLED)).anomalies


def test_two_sagas_of_one_project_do_not_overlap(monkeypatch: pytest.MonkeyPatch) -> None:
    claim_next = MemorySagaLog.claim_next

    def anyone(log: MemorySagaLog, *given: object) -> object:
        kept = log._sagas
        free = {name: entry for name, entry in kept.items() if entry.record.worker is None}
        log._sagas = free
        try:
            return claim_next(log, *given)  # type: ignore[arg-type]
        finally:
            log._sagas = kept

    with on_stage(scenario_of("wiki-crowd")) as crowd:
        assert crowd.base.verdict is Verdict.VALID
        monkeypatch.setattr(MemorySagaLog, "claim_next", anyone)
        runs = [crowd.run(Schedule("wiki-crowd", seed=seed)) for seed in range(10)]
    assert "R11" in {finding.broken for run in runs for finding in run.findings}


def test_a_late_call_arrives_between_the_calls_that_only_a_second_fault_brings_about(stage: Stage) -> None:
    undo = Point("coordinator → filesystem_server: undo files", 1)
    wanted = (Fault(Point(SAVE, 1), FaultKind.LATE, 2), Fault(undo, FaultKind.CUT))
    first = stage.run(Schedule("wiki-hasty", (Fault(Point(SAVE, 1), FaultKind.LATE, AT_THE_END),)))
    assert sum(entry.what == "undo files" for entry in first.trace) == 1
    found = set()
    for run in explored(stage, first.schedule, 2):
        if run.schedule.faults[-1].point == undo:
            found.add(run.schedule.faults)
    assert wanted in found


CLAIM_NEXT = MemorySagaLog.claim_next


def _never_the_parked(log: MemorySagaLog, *given: object) -> object:
    kept = log._sagas
    log._sagas = {name: entry for name, entry in kept.items() if entry.record.state is not SagaState.FAILED}
    try:
        return CLAIM_NEXT(log, *given)  # type: ignore[arg-type]
    finally:
        log._sagas = kept


def test_a_parked_saga_is_ended_by_its_slow_retry(monkeypatch: pytest.MonkeyPatch) -> None:
    refused = (
        Fault(Point(SNAPSHOT, 1), FaultKind.REFUSED),
        Fault(Point("coordinator → filesystem_server: undo files", 1), FaultKind.REFUSED),
    )
    with on_stage(scenario_of("wiki-parking")) as parking:
        schedule = Schedule("wiki-parking", refused)
        run = parking.run(schedule)
        assert run.verdict is Verdict.VALID
        assert run.states["wiki-alpha-now"] == "rolled_back"
        assert any("saga.parked" in entry.what for entry in run.trace)
        with monkeypatch.context() as forgotten:
            forgotten.setattr(MemorySagaLog, "claim_next", _never_the_parked)
            assert Anomaly.STUCK in parking.run(schedule).anomalies
        with monkeypatch.context() as swallowed:
            swallowed.setattr(decide, "Park", lambda step, problem: decide.Finish(SagaState.ROLLED_BACK))
            assert Anomaly.FALSE_COMPENSATED in parking.run(schedule).anomalies


def test_a_full_disk_is_that_of_one_participant(tmp_path: Path) -> None:
    """Whoever it calls meanwhile may have to be put back, and has a disk of its own."""
    own, other = tmp_path / "own", tmp_path / "other"

    def make(folder: Path, session: requests.Session) -> tuple[App, Callable[[], None]]:
        def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
            session.get("http://other/")
            with suppress(OSError):
                own.write_bytes(b"x")
            start_response("200 OK", [])
            return [b""]

        return app, lambda: None

    def ask(address: str, request: Request, timeout: float) -> Answer:
        other.write_bytes(b"x")
        return Answer(200)

    machine = AppOnFolder("one", tmp_path / "one", make)
    machine.open()
    machine.call(Request("GET", "/"), ask, disk_full=True)
    assert (other.read_bytes(), own.read_bytes()) == (b"x", b"")
