"""Runs one operation of git_server's store at a time in a child that a preloaded library kills at a chosen call.

Speaks JSON lines: one order on stdin, one report on stdout. Started by test_git_crash.py with LD_PRELOAD set.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

from git_server.git import Git
from git_server.ledger import Ledger
from git_server.lock import ProjectLocks
from git_server.maintenance import Maintenance
from git_server.repository import Repositories
from git_server.snapshots import Wanted
from git_server.store import SnapshotStore
from service_kit.barrier import Branch
from service_kit.problems import Problem, from_os_error
from tests.integration.git_plan import PLAN, Plan

PROJECT = "proj-1"
NOW_IS_LATER = 1e12  # for a clean that finds every garbage old enough


def open_store(data: Path, lock_timeout: float = 10.0) -> SnapshotStore:
    for folder in (data / ".home", data / ".locks"):
        folder.mkdir(parents=True, exist_ok=True)
    repositories = Repositories(data, Git(data / ".home"))
    return SnapshotStore(repositories, Ledger(data / "barrier.sqlite3"), ProjectLocks(data / ".locks", lock_timeout))


class Decided(SnapshotStore):
    """Records what shall be done to main, and does not do it."""

    def _apply(self, *_: object) -> None:
        pass


def act(store: SnapshotStore, operation: str, saga_id: str) -> str:
    """Do one operation; what it was answered in a word."""
    branch = Branch(saga_id, PROJECT)
    if operation == "decide":  # a snapshot whose worker dies at the point of no return
        store, operation = Decided(store.repositories, store.ledger, store.locks), "snapshot"
    try:
        if operation == "snapshot":
            files = {f"folder/{saga_id}-{i}.md": f"{saga_id} {i}\n".encode() * 9 for i in range(3)}
            wanted = Wanted(saga_id, f"a wiki of {saga_id}", dict.fromkeys(files, "unused"))
            return store.snapshot(PROJECT, wanted, lambda: files).commit
        if operation == "undo":
            store.undo(branch)
        elif operation == "confirm":
            store.confirm(branch)
        elif operation == "restart":
            Maintenance(store, retention=1e9, grace=0).start_up()
        else:
            store.clean(PROJECT, 0, NOW_IS_LATER)
    except Problem as problem:
        return problem.type
    except OSError as error:  # as service_kit.app does for every service
        if (known := from_os_error(error)) is None:
            raise
        return known.type
    return "ok"


def run(order: dict[str, Any]) -> dict[str, Any]:
    """Fork, arm the plan, do the operation; what came of it."""
    plan = Plan.open(os.environ[PLAN])
    child = os.fork()
    if child == 0:
        os.setpgid(0, 0)
        store = open_store(Path(order["data"]))
        store.repositories.git.env |= {name: os.environ[name] for name in (PLAN, "LD_PRELOAD")}
        plan.arm(target=order["target"], mode=order["mode"], torn=order["torn"], worker=os.getpid())
        answer = act(store, order["operation"], order["saga"])
        plan.disarm()
        Path(order["data"], "answer").write_text(answer)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    answered = Path(order["data"], "answer")
    return {
        "killed": os.WIFSIGNALED(status),
        "fired": plan.count > order["target"],
        "answer": answered.read_text() if answered.exists() else None,
    }


if __name__ == "__main__":
    for line in sys.stdin:
        print(json.dumps(run(json.loads(line))), flush=True)
