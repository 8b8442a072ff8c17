"""A saga forces its log a constant number of times, however many files it saves (R13); counted at the system calls."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SOURCE = Path(__file__).with_name("fsync_counter.c")
SCRIPT = """
import os, sys
from backend.distributed_saga import DistributedSaga
from backend.saga_log import open_saga_log

log = open_saga_log("sqlite:///" + sys.argv[1])
items = int(sys.argv[2])
before = os.path.getsize(os.environ["FSYNC_LOG"]) if os.path.exists(os.environ["FSYNC_LOG"]) else 0
saga = DistributedSaga("s", log=log)
saga.add_step("Save", action=lambda: list(range(items)), compensation=lambda: None, intent=list(range(items)))
saga.add_step("Snapshot", action=lambda: None, compensation=lambda: None)
assert saga.execute()["status"] == "success"
print(os.path.getsize(os.environ["FSYNC_LOG"]) - before)
"""


@pytest.fixture(scope="module")
def counter(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if (compiler := shutil.which("cc") or shutil.which("gcc")) is None:
        pytest.skip("no C compiler to build the system-call counter with")
    library = tmp_path_factory.mktemp("counter") / "fsync_counter.so"
    subprocess.run([compiler, "-shared", "-fPIC", "-o", library, SOURCE, "-ldl"], check=True)
    return library


def forced_writes(counter: Path, folder: Path, items: int) -> int:
    env = os.environ | {"LD_PRELOAD": str(counter), "FSYNC_LOG": str(folder / "count")}
    command = [sys.executable, "-c", SCRIPT, str(folder / "log.sqlite3"), str(items)]
    return int(subprocess.run(command, env=env, check=True, capture_output=True, text=True, timeout=60).stdout)


def test_a_saga_forces_its_log_twice(counter, tmp_path):
    assert forced_writes(counter, tmp_path, 1) == 2  # the begin record and the commit record


@pytest.mark.parametrize("items", [45, 1000])
def test_the_number_does_not_grow_with_the_files(counter, tmp_path, items):
    assert forced_writes(counter, tmp_path, items) == 2
