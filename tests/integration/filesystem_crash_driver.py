"""Tells the story in a child that is killed at a chosen call, for every call; then checks disk, recovery and repeats.

    python -m tests.integration.filesystem_crash_driver SCRATCH PART PARTS [--thorough]

Started with the kill point library preloaded. Prints one JSON object:
{"tried", "killed", "recoveries_killed", "wrong"}.
"""

from __future__ import annotations

import argparse
import ctypes
import itertools
import json
import mmap
import os
import shutil
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from filesystem_server.store import Store
from tests.integration.filesystem_story import BEFORE, CHAPTERS, WEEK, begin, leftovers, on_disk

library = ctypes.CDLL(None)
told = mmap.mmap(-1, 1)  # chapters that the child was answered: shared memory, so that telling it is no system call


def in_child(work: Callable[[], object], calls: int, torn: bool) -> bool:
    """Run ``work`` in a child that dies at its ``calls``-th call; whether it died."""
    child = os.fork()
    if child == 0:
        library.killpoint_arm(ctypes.c_long(calls), int(torn))
        work()
        os._exit(0)
    _, status = os.waitpid(child, 0)
    if not os.WIFSIGNALED(status) and status:
        raise SystemExit(f"the child failed with status {status} instead of being killed")
    return os.WIFSIGNALED(status)


def tell(root: Path) -> None:
    store = Store(root, WEEK)
    for number, (_, act, _) in enumerate(CHAPTERS, 1):
        act(store)
        told[0] = number


def faults(root: Path, store: Store) -> list[str]:
    """What is wrong after a kill, once ``store`` has looked, repeated the unanswered call and gone on."""
    done = told[0]
    listed = {row.filename: row.size for row in store.page("proj", "", 99).files}
    found = on_disk(root)
    allowed = [CHAPTERS[done - 1][2] if done else BEFORE, CHAPTERS[min(done, len(CHAPTERS) - 1)][2]]
    wrong = [] if found in allowed else [f"after {done} chapters the disk holds {sorted(found)}"]
    wrong += [] if listed == {name: len(content) for name, content in found.items()} else [f"listed were {listed}"]
    for _, act, _ in CHAPTERS[done:]:
        act(store)
    if on_disk(root) != CHAPTERS[-1][2]:
        wrong.append(f"in the end the disk holds {sorted(on_disk(root))}")
    store.close()
    return wrong + leftovers(root)


@dataclass
class Survivor:
    """Another worker process, started before the kill, which must find out by itself that its colleague died."""

    root: Path

    def __post_init__(self) -> None:
        (ready_in, ready), (go, self.go), (self.report, report) = os.pipe(), os.pipe(), os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            store = Store(self.root, WEEK)
            os.write(ready, b".")
            os.read(go, 1)
            os.write(report, json.dumps(faults(self.root, store)).encode())
            os._exit(0)
        for end in (ready, go, report):
            os.close(end)
        os.read(ready_in, 1)
        os.close(ready_in)

    def faults(self) -> list[str]:
        os.write(self.go, b".")
        with os.fdopen(self.report) as report:
            text = report.read()
        os.close(self.go)
        os.waitpid(self.pid, 0)
        return json.loads(text) if text else ["the survivor failed"]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("scratch", type=Path)
    parser.add_argument("part", type=int)
    parser.add_argument("parts", type=int)
    parser.add_argument("--thorough", action="store_true", help="kill at every call of every recovery, too")
    args = parser.parse_args()
    start, root = args.scratch / "start", args.scratch / "root"
    begin(start)
    count = Counter[str]()
    wrong: list[str] = []
    for point in itertools.count(args.part, args.parts):
        calls, torn = divmod(point, 2)
        shutil.rmtree(root, ignore_errors=True)
        shutil.copytree(start, root)
        told[0] = 0
        survivor = Survivor(root) if count["tried"] % 2 else None
        died = in_child(lambda: tell(root), calls, bool(torn))
        count["tried"] += 1
        count["killed"] += died
        if survivor is not None:
            found = survivor.faults()
        else:
            if args.thorough or count["tried"] % 5 == 0:
                count["recoveries_killed"] += kill_recoveries(root, bool(torn))
            found = faults(root, Store(root, WEEK))
        wrong += [f"call {calls}{' torn' * torn}: {fault}" for fault in found]
        if not died:
            break
    json.dump({**count, "wrong": wrong}, sys.stdout)


def kill_recoveries(root: Path, torn: bool) -> int:
    """Start servers that are killed at their first call, the next at its second, and so on until one gets through."""
    return next(calls for calls in itertools.count() if not in_child(lambda: Store(root, WEEK), calls, torn))


if __name__ == "__main__":
    main()
