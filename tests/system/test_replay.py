"""Schedules in both worlds: what the explorer found in simulation happens over real processes, line by line."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import psutil
import pytest

from chaos.auditor.verdicts import Verdict
from chaos.experiments.auditing import poll
from chaos.explorer.real.measures import NotForReal
from chaos.explorer.real.stage import RealStage, on_real_stage
from chaos.explorer.registry import scenario_of
from chaos.explorer.replay import Replay, first_difference, replay
from chaos.explorer.run import Run, Stage, on_stage
from chaos.explorer.schedule import Fault, FaultKind, Point, Schedule
from chaos.explorer.search import random_schedule
from chaos.gallery.registry import entries
from tests.integration.gallery_schedules import faults
from tests.system.support import LIMIT, command, environment

pytestmark = pytest.mark.xdist_group("replay")
K = FaultKind
SAVE, SNAPSHOT = "coordinator → filesystem_server: save files", "coordinator → git_server: create snapshot"
UNDO_SNAPSHOT, CONFIRM = "coordinator → git_server: undo snapshot", "coordinator → git_server: confirm"
READ = "git_server → filesystem_server: read b.md"
BEGIN = "coordinator writes saga.begun + step.started of Save relationships"
END = (
    "coordinator writes confirm.done of Save relationships + confirm.done of Save wiki files + "
    "confirm.done of Create git snapshot + saga.finished"
)
AT_THE_END = -1
PAIRS = (
    ((SNAPSHOT, K.REFUSED), (UNDO_SNAPSHOT, K.RESPONSE_LOST)),
    ((SNAPSHOT, K.RESPONSE_LOST), (UNDO_SNAPSHOT, K.DOWN_AFTER)),
    ((SAVE, K.LATE), ("coordinator → filesystem_server: undo files", K.DUPLICATE)),
    ((BEGIN, K.KILLED_AFTER), ("coordinator → neo4j: undo relationships", K.ERROR_BEFORE)),
    ((READ, K.CUT), (CONFIRM, K.DOWN_BEFORE)),
    ((CONFIRM, K.PAUSED), (END, K.KILLED_AFTER)),
)
NOW = (
    ((SNAPSHOT, K.RESPONSE_LOST),),
    ((SAVE, K.LATE),),
    ((SNAPSHOT, K.DOWN_AFTER),),
    ((SAVE, K.DISK_FULL),),
    ((READ, K.EXPIRED),),
    ((END, K.KILLED_BEFORE),),
    ((BEGIN, K.LOG_FULL),),
    PAIRS[-1],
)
"""A handful for every day; the rest is marked slow."""
RANDOM = (7, 1, 2, 5, 11, 13)
"""Seeds of interleaved sagas; under the first one a lease outlasts itself by its heartbeat."""


class Worlds:
    """Stages by scenario, in simulation and real; each is started when it is first wanted."""

    def __init__(self, closing: ExitStack) -> None:
        self._closing = closing
        self._stages: dict[str, tuple[Stage, RealStage]] = {}

    def of(self, name: str) -> tuple[Stage, RealStage]:
        if name not in self._stages:
            simulated = self._closing.enter_context(on_stage(scenario_of(name)))
            self._stages[name] = simulated, self._closing.enter_context(on_real_stage(simulated))
        return self._stages[name]

    def replay(self, schedule: Schedule) -> Replay:
        simulated, real = self.of(schedule.scenario)
        return Replay(simulated.run(schedule), real.run(schedule))


@pytest.fixture(scope="module")
def worlds() -> Iterator[Worlds]:
    with ExitStack() as closing:
        yield Worlds(closing)


def wiki(*faults: tuple[str, FaultKind]) -> Schedule:
    late = {K.LATE: AT_THE_END}
    return Schedule("wiki", tuple(Fault(Point(what, 1), kind, late.get(kind, 0)) for what, kind in faults))


def assert_the_same(done: Replay, verdict: Verdict = Verdict.VALID) -> None:
    assert done.real is not None
    assert (done.simulated.verdict, done.real.verdict) == (verdict, verdict), (done.simulated.unseen, done.real.unseen)
    assert done.real.never_fired == done.simulated.never_fired == ()
    assert done.real.anomalies == done.simulated.anomalies
    assert first_difference(done) is None


@pytest.mark.parametrize("which", NOW, ids=lambda which: " and ".join(kind for _, kind in which))
def test_what_happens_in_simulation_happens_for_real(worlds: Worlds, which: tuple[tuple[str, FaultKind], ...]) -> None:
    assert_the_same(worlds.replay(wiki(*which)))


@pytest.mark.slow
@pytest.mark.parametrize("which", PAIRS, ids=lambda which: " and ".join(kind for _, kind in which))
def test_pairs_of_faults_do_too(worlds: Worlds, which: tuple[tuple[str, FaultKind], ...]) -> None:
    assert_the_same(worlds.replay(wiki(*which)))


@pytest.mark.slow
@pytest.mark.parametrize("kind", FaultKind)
def test_every_kind_of_fault_does_at_the_first_and_at_the_last_point_that_knows_it(
    worlds: Worlds, kind: FaultKind
) -> None:
    points = [passed.point for passed in worlds.of("wiki")[0].run(Schedule("wiki")).passed if kind in passed.kinds]
    assert len(points) > 1
    for point in (points[0], points[-1]):
        for overtaken_by in (1, AT_THE_END) if kind is K.LATE and point is points[0] else (AT_THE_END,):
            fault = Fault(point, kind, overtaken_by if kind is K.LATE else 0)
            assert_the_same(worlds.replay(Schedule("wiki", (fault,))))


@pytest.mark.parametrize("seed", [RANDOM[0], *(pytest.param(seed, marks=pytest.mark.slow) for seed in RANDOM[1:])])
def test_sagas_that_interleave_do_so_in_the_same_order(worlds: Worlds, seed: int) -> None:
    schedule = random_schedule(worlds.of("wiki-crowd")[0], seed)[-1].schedule
    assert_the_same(worlds.replay(schedule))


@pytest.mark.parametrize(
    "name",
    [
        "timeout-is-done",
        *(pytest.param(name, marks=pytest.mark.slow) for name in entries() if name != "timeout-is-done"),
    ],
)
def test_a_bug_of_the_gallery_is_one_for_real(name: str) -> None:
    entry = entries()[name]
    with on_stage(scenario_of(entry.saga)) as stage:
        done = replay(stage, Schedule(entry.saga, faults(name)), real=True)
    assert_the_same(done, Verdict.INVALID)
    assert entry.expected in done.simulated.anomalies


CALL, WRITE = "coordinator → shop: POST /nothing", "coordinator writes entry 2"


@pytest.mark.parametrize(
    ("fault", "journal"),
    [
        (Fault(Point(CALL, 2), K.PAUSED), ["1 1", "2 2", "2 3", "1 2"]),
        (Fault(Point(WRITE, 1), K.KILLED_BEFORE), ["1 1", "2 2", "2 3"]),
        (Fault(Point(WRITE, 1), K.KILLED_AFTER), ["1 1", "1 2", "2 3"]),
    ],
    ids=str,
)
def test_whatever_coordinators_keep_is_on_a_disk_that_they_share(
    worlds: Worlds, fault: Fault, journal: list[str]
) -> None:
    done = worlds.replay(Schedule("tests.system.replay_scenarios:Journal", (fault,)))
    assert_the_same(done, Verdict.INVALID if len(journal) > 3 else Verdict.VALID)
    assert done.real is not None
    assert [entry.removeprefix("coordinator ") for entry in done.real.states.values()] == journal
    assert done.real.states == done.simulated.states


@pytest.mark.parametrize(
    ("name", "why"),
    [("Broken", "coordinator 1: LookupError: where was I?"), ("Unwritable", "durable['generator'] cannot be kept")],
)
def test_what_breaks_off_is_unknown_and_says_why(worlds: Worlds, name: str, why: str) -> None:
    done = worlds.replay(Schedule(f"tests.system.replay_scenarios:{name}"))
    assert done.real is not None
    assert done.real.verdict is done.verdict is Verdict.UNKNOWN
    assert why in done.real.unseen[0]


def test_two_faults_at_one_call_cannot_be_had_for_real_and_that_is_said(worlds: Worlds) -> None:
    done = worlds.replay(wiki((SNAPSHOT, K.DUPLICATE), (SNAPSHOT, K.RESPONSE_LOST)))
    assert done.real is not None
    assert done.real.verdict is done.verdict is Verdict.UNKNOWN
    assert NotForReal.__name__ in done.real.unseen[0]
    assert SNAPSHOT in done.real.unseen[0]


def test_nothing_is_left_of_the_processes() -> None:
    before = {process.pid for process in psutil.Process().children(recursive=True)}
    with on_stage(scenario_of("wiki")) as simulated:
        with on_real_stage(simulated) as real:
            started = [one for one in psutil.Process().children(recursive=True) if one.pid not in before]
            assert len(started) == 2  # the nursery and the fault proxy: participants are started by a run
            real.run(Schedule("wiki"))
            started = [one for one in psutil.Process().children(recursive=True) if one.pid not in before]
            assert len(started) == 2 + 2 * len(real.participants)  # gunicorn's master and its worker
        assert poll(lambda: not any(map(lives, started)), LIMIT)
        assert not real.folder.exists()


def test_nothing_is_left_when_the_command_itself_is_killed(tmp_path: Path) -> None:
    file = tmp_path / "schedule.json"
    file.write_text(json.dumps(Schedule("wiki").to_json()))
    with subprocess.Popen(
        command("replay", str(file), "--real"), env=environment(TMPDIR=str(tmp_path)), stdout=subprocess.DEVNULL
    ) as running:
        it = psutil.Process(running.pid)
        assert poll(lambda: len(it.children(recursive=True)) > 4, LIMIT)
        started = it.children(recursive=True)
        running.kill()
    assert poll(lambda: not any(map(lives, started)), LIMIT)


def lives(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def told(file: Path, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command("replay", str(file), *options),
        env=environment(),
        capture_output=True,
        text=True,
        timeout=LIMIT,
        check=False,
    )


def test_the_command_tells_the_story_and_both_verdicts(tmp_path: Path) -> None:
    file = tmp_path / "schedule.json"
    file.write_text(json.dumps(wiki((SNAPSHOT, K.RESPONSE_LOST)).to_json()))
    done = told(file, "--real")
    assert done.returncode == 0, done.stderr
    assert "⚡ response lost: coordinator → git_server: create snapshot" in done.stdout
    assert "over real processes  valid" in done.stdout
    assert "the same happened in both, line by line" in done.stdout


def test_the_command_says_the_same_to_programs(tmp_path: Path) -> None:
    file = tmp_path / "schedule.json"
    schedule = Schedule(
        entries()["timeout-is-done"].saga, (Fault(Point("coordinator → nobody: nothing", 1), K.REFUSED),)
    )
    file.write_text(json.dumps(schedule.to_json()))
    done = told(file, "--json")
    said = json.loads(done.stdout)
    assert (done.returncode, said["verdict"], said["real"], said["agree"]) == (0, "valid", None, True)
    assert said["schedule"] == schedule.to_json()
    assert said["simulated"]["never_fired"] == ["refused: coordinator → nobody: nothing"]
    assert said["never_happened"] == 1
    assert "verdict: valid (1 of the schedule's 1 fault never happened)" in told(file).stdout


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("{", "no JSON"),
        ("[]", "format"),
        ('{"format": 1, "scenario": "wiki", "faults": [{"at": "x", "kind": "bad luck"}]}', "faults[0].kind"),
        ('{"format": 1, "scenario": "nowhere", "faults": []}', "no scenario 'nowhere'"),
        ('{"format": 1, "scenario": "json:dumps", "faults": []}', "json:dumps"),
    ],
)
def test_the_command_names_what_is_wrong_with_a_schedule(tmp_path: Path, content: str, reason: str) -> None:
    file = tmp_path / "schedule.json"
    file.write_text(content)
    done = told(file)
    assert done.returncode == 2
    assert reason in done.stderr
    assert "Traceback" not in done.stderr


def run_with(verdict: Verdict) -> Run:
    return Run(Schedule("wiki"), verdict, (), (), (), (), (), {})


def test_of_a_schedule_about_which_the_worlds_differ_nothing_is_known() -> None:
    differ = Replay(run_with(Verdict.VALID), run_with(Verdict.INVALID))
    assert (differ.agree, differ.verdict, differ.to_json()["agree"]) == (False, Verdict.UNKNOWN, False)
    agree = Replay(run_with(Verdict.INVALID), run_with(Verdict.INVALID))
    assert (agree.agree, agree.verdict) == (True, Verdict.INVALID)
