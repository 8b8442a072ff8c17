"""`testbed explore`, as a user runs it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from chaos.explorer.schedule import Schedule
from testbed.commands.explore import explore_command

DEADLINE = 90.0  # seconds
WRONG = "chaos.gallery.wrong:no_barrier"


def explore(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "testbed", "explore", *words]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=DEADLINE, check=False)


def test_a_wrong_saga_is_told_saved_and_drawn(tmp_path: Path) -> None:
    done = explore(tmp_path, "--saga", WRONG, "--report", "found.json")
    assert done.returncode == 1, done.stderr
    assert "compensation overtaken by its action" in done.stdout
    assert "not simulated" in done.stdout
    schedule = Schedule.from_json(json.loads(next((tmp_path / "found").glob("*.json")).read_text()))
    assert len(schedule.faults) == 1
    page = next((tmp_path / "found").glob("*.html")).read_text()
    assert "<svg" in page
    assert "http://" not in page.replace("http://www.w3.org", "")  # it loads nothing from anywhere
    report: dict[str, Any] = json.loads((tmp_path / "found.json").read_text())
    assert report["verdict"] == "invalid"
    assert report["counterexamples"][0]["schedule"] == schedule.to_json()
    assert report["coverage"]["never_fired"] == 0


def test_the_right_one_is_valid_and_json_is_all_that_is_printed(tmp_path: Path) -> None:
    done = explore(tmp_path, "--saga", "chaos.gallery.mended:no_barrier", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["schedules"]["invalid"] == 0
    assert not (tmp_path / "exploration").exists()


def test_a_report_that_cannot_be_written_is_wrong_usage_before_the_work(tmp_path: Path) -> None:
    done = explore(tmp_path, "--report", "no/such/folder/report.json")
    assert done.returncode == 2
    assert "no/such/folder" in "".join(done.stderr.split())


def refused_before_the_work(folder: Path, *words: str) -> str:
    done = explore(folder, "--saga", WRONG, "--stop-at-first", *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert "Traceback" not in done.stderr
    return done.stderr


def test_a_file_in_the_place_of_the_folder_is_named_before_the_work(tmp_path: Path) -> None:
    (tmp_path / "exploration").touch()
    assert "exploration is no folder" in refused_before_the_work(tmp_path)
    (tmp_path / "found").symlink_to("nowhere")
    assert "found is no folder" in refused_before_the_work(tmp_path, "--report", "found.json")


def test_a_report_that_would_be_its_own_folder_is_refused(tmp_path: Path) -> None:
    assert "call it found.json" in refused_before_the_work(tmp_path, "--report", "found")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written_is_named_before_the_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(os, "access", lambda *_: False)  # root may write everywhere
    done = CliRunner().invoke(explore_command, ["--saga", WRONG])
    assert done.exit_code == 2
    assert "no schedule can be saved in exploration" in done.output


def test_a_seed_without_anything_random_is_wrong_usage(tmp_path: Path) -> None:
    assert "--seed is of --random" in refused_before_the_work(tmp_path, "--seed", "0")


@pytest.mark.parametrize("name", ["shop.sagas:booking", ":"])
def test_a_saga_that_is_not_there_is_wrong_usage(tmp_path: Path, name: str) -> None:
    done = explore(tmp_path, "--saga", name)
    assert done.returncode == 2
    assert name.partition(":")[0] in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("form", [[], ["--json"]])
def test_output_that_nobody_reads_says_nothing_of_the_saga(tmp_path: Path, form: list[str]) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-m", "testbed", "explore", "--faults", "0", "--processes", "1", *form]
    with os.fdopen(writer) as gone:
        done = subprocess.run(
            command, cwd=tmp_path, stdout=gone, stderr=subprocess.PIPE, text=True, timeout=DEADLINE, check=False
        )
    assert (done.returncode, done.stderr) == (141, "")


@pytest.mark.skipif(not Path("/dev/shm").is_dir(), reason="the folders to look for are in /dev/shm, which is not here")
def test_ctrl_c_ends_all_and_leaves_nothing(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "testbed", "explore", "--faults", "3", "--processes", "2"]
    running = subprocess.Popen(
        command, cwd=tmp_path, start_new_session=True, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True
    )

    def folders() -> list[Path]:
        return list(Path("/dev/shm").glob(f"explore-{running.pid}-*"))

    try:
        end = time.monotonic() + DEADLINE
        while len(folders()) < 2 and time.monotonic() < end:  # its own, and that of its two processes
            time.sleep(0.05)
        os.killpg(running.pid, signal.SIGINT)
        _, said = running.communicate(timeout=DEADLINE)
    finally:
        if running.poll() is None:
            os.killpg(running.pid, signal.SIGKILL)
    assert running.returncode == 130
    assert "interrupted" in said
    assert folders() == []
    with pytest.raises(ProcessLookupError):
        os.killpg(running.pid, 0)
