"""Whatever instruction the server is killed at, record and effect are both there or both not (R6, R7)."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PARTS = 9  # not a multiple of two, so that each part has whole and torn writes
CC = shutil.which("cc")


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if CC is None:
        pytest.skip("needs a C compiler for the kill point library")
    target = tmp_path_factory.mktemp("killpoints") / "killpoints.so"
    source = Path(__file__).with_name("filesystem_killpoints.c")
    subprocess.run([CC, "-shared", "-fPIC", "-O1", "-o", target, source, "-ldl"], check=True)
    return target


def run_part(library: Path, scratch: Path, part: int, *options: str) -> dict[str, int | list[str]]:
    scratch.mkdir()
    driver = [sys.executable, "-m", "tests.integration.filesystem_crash_driver", scratch, str(part), str(PARTS)]
    environment = {**os.environ, "LD_PRELOAD": str(library)}
    done = subprocess.run([*driver, *options], cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    report: dict[str, int | list[str]] = json.loads(done.stdout)
    return report


def check(library: Path, tmp_path: Path, parts: range, *options: str) -> None:
    with ThreadPoolExecutor(2) as pool:
        reports = list(pool.map(lambda part: run_part(library, tmp_path / str(part), part, *options), parts))
    assert [fault for report in reports for fault in report["wrong"]] == []
    for report in reports:
        assert report["killed"] == report["tried"] - 1 > 25, "the last one of each part gets through"
    print(json.dumps({key: sum(r[key] for r in reports) for key in ("tried", "killed", "recoveries_killed")}))


def test_no_kill_at_a_write_sync_or_rename_leaves_half_an_effect(library: Path, tmp_path: Path) -> None:
    """Some of the kill points; the test below tries them all."""
    check(library, tmp_path, range(0, PARTS, 5))


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_no_kill_at_any_call_and_at_any_call_of_any_recovery(library: Path, tmp_path: Path) -> None:
    check(library, tmp_path, range(PARTS), "--thorough")
