"""Counting what a saga forces to disk, at the system calls: for the tests and for the bench (R13)."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

SOURCE = Path(__file__).with_name("fsync_counter.c")
SCRIPT = """
import os, sys
from backend.distributed_saga import DistributedSaga
from backend.saga_log import open_saga_log

log = open_saga_log("sqlite:///" + sys.argv[1])
items = int(sys.argv[2])
count = os.environ["FSYNC_LOG"]
before = os.path.getsize(count) if os.path.exists(count) else 0
saga = DistributedSaga("s", log=log)
saga.add_step("Save", action=lambda: list(range(items)), compensation=lambda: None, intent=list(range(items)))
saga.add_step("Snapshot", action=lambda: None, compensation=lambda: None)
assert saga.execute()["status"] == "success"
print(os.path.getsize(count) - before)
"""


class NoCompiler(Exception):
    """There is no C compiler to build the system-call counter with."""


def build_counter(folder: Path) -> Path:
    """The library that counts fsync and fdatasync when it is preloaded. Raises NoCompiler."""
    if (compiler := shutil.which("cc") or shutil.which("gcc")) is None:
        raise NoCompiler
    library = folder / "fsync_counter.so"
    subprocess.run([compiler, "-shared", "-fPIC", "-o", library, SOURCE, "-ldl"], check=True)
    return library


def forced_writes(counter: Path, folder: Path, items: int) -> int:
    """How often a saga of two steps forces its SQLite log when it saves ``items`` items."""
    folder.mkdir(parents=True, exist_ok=True)
    env = os.environ | {"LD_PRELOAD": str(counter), "FSYNC_LOG": str(folder / "count")}
    command = [sys.executable, "-c", SCRIPT, str(folder / "log.sqlite3"), str(items)]
    return int(subprocess.run(command, env=env, check=True, capture_output=True, text=True, timeout=60).stdout)
