"""A wall clock that can be made wrong for one process: what the program sees of it, and what it does not."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from chaos.experiments.own_clock import NAME, set_ahead, with_own_clock
from chaos.experiments.own_clock.sitecustomize import FILE, install

LEEWAY = 5.0  # seconds; all jumps are of an hour
HOUR = 3600.0
PROGRAM = """
import json, sys, time
for line in sys.stdin:
    print(json.dumps([time.time(), time.time_ns() / 1e9, time.monotonic()]), flush=True)
"""


@pytest.fixture
def true_time(monkeypatch: pytest.MonkeyPatch) -> object:
    """The clock as it was; what ``install`` does to it is undone after the test."""
    true_seconds = time.time
    for name in ("time", "time_ns"):
        monkeypatch.setattr(time, name, getattr(time, name))
    return true_seconds


def test_the_clock_is_right_until_it_is_set_and_follows_every_jump(true_time, tmp_path: Path) -> None:
    install(tmp_path / NAME)
    assert time.time() == pytest.approx(true_time(), abs=LEEWAY)
    for ahead in (HOUR, -HOUR, 0.0):
        set_ahead(tmp_path, ahead)
        assert time.time() - true_time() == pytest.approx(ahead, abs=LEEWAY)
        assert time.time_ns() / 1e9 - true_time() == pytest.approx(ahead, abs=LEEWAY)


def test_a_jump_is_one_step_and_leaves_nothing_beside_its_file(tmp_path: Path) -> None:
    set_ahead(tmp_path, 1.5)
    set_ahead(tmp_path, 2.5)
    assert [path.name for path in tmp_path.iterdir()] == [NAME]
    assert (tmp_path / NAME).read_text() == "2.5"


def test_the_environment_keeps_what_it_had(tmp_path: Path) -> None:
    env = with_own_clock({"PYTHONPATH": "/theirs", "LEASE": "5"}, tmp_path)
    first, theirs = env["PYTHONPATH"].split(os.pathsep)
    assert (Path(first) / "sitecustomize.py").exists()
    assert (theirs, env["LEASE"], env[FILE]) == ("/theirs", "5", str(tmp_path / NAME))
    assert os.pathsep not in with_own_clock({}, tmp_path)["PYTHONPATH"]


def test_a_program_that_knows_nothing_of_it_sees_the_jump_and_its_monotonic_time_does_not(tmp_path: Path) -> None:
    env = with_own_clock(os.environ, tmp_path)
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM], env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as program:
        assert program.stdin is not None
        assert program.stdout is not None

        def look() -> list[float]:
            program.stdin.write("look\n")
            program.stdin.flush()
            return [float(one) for one in json.loads(program.stdout.readline())]

        before = look()
        set_ahead(tmp_path, HOUR)
        after = look()
        program.stdin.close()
    assert before[0] == pytest.approx(time.time(), abs=LEEWAY)
    assert [after[0] - before[0], after[1] - before[1]] == pytest.approx([HOUR, HOUR], abs=LEEWAY)
    assert after[2] - before[2] == pytest.approx(0, abs=LEEWAY)
