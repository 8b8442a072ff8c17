"""Running the command line as users do: as a process of its own."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

from chaos.running_system import RunningSystem
from testbed import keys, preflight, processes, records, supervisor
from testbed.layout import Layout, ProcessSpec

BUILT = Path(__file__).parents[2] / ".toxiproxy"  # by `make toxiproxy`
LIMIT = 90.0  # seconds that one command may take
HIGHEST = 6700  # with it the highest port stays below those that the kernel gives to clients
NOT_FOR_TESTS = ("TOXIPROXY_URL", "CHROMA_URL", "NEO4J_URL", "TESTBED_STATE")
CONTENDED = "is in use by"


def environment(**changes: str) -> dict[str, str]:
    """The environment of a command: ours without what would change a system."""
    return {name: value for name, value in os.environ.items() if name not in NOT_FOR_TESTS} | changes


def with_toxiproxy() -> dict[str, str]:
    """The environment of a command that finds Toxiproxy; skips the test where there is none."""
    path = f"{BUILT}{os.pathsep}{os.environ['PATH']}"
    if shutil.which("toxiproxy-server", path=path) is None:
        pytest.skip("toxiproxy-server is neither on PATH nor in .toxiproxy/: run `make toxiproxy`")
    return environment(PATH=path)


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "testbed", *arguments]


def call(state: Path, *arguments: str, env: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """`testbed ARGUMENTS` on the system in ``state``."""
    return subprocess.run(
        command(*arguments),
        env=dict(env or environment()) | {"TESTBED_STATE": str(state)},
        capture_output=True,
        text=True,
        timeout=LIMIT,
        check=False,
    )


def as_json(done: subprocess.CompletedProcess[str]) -> Any:
    """What a command with --json printed."""
    try:
        return json.loads(done.stdout)
    except ValueError:
        raise AssertionError((done.returncode, done.stdout, done.stderr)) from None


def states(state: Path) -> dict[str, str]:
    """What `testbed status` says of each process, by name."""
    return {row["name"]: row["state"] for row in as_json(call(state, "status", "--json"))["services"]}


def free_offset() -> int:
    """A port offset at which nobody listens on any port of a whole system."""
    for offset in random.sample(range(100, HIGHEST), 200):
        if all(preflight.is_free(port) for port in Layout(Path("/"), offset).ports()):
            return offset
    raise AssertionError("no offset is free")


def up(state: Path, *arguments: str, proxy: str = "embedded", env: Mapping[str, str] | None = None) -> RunningSystem:
    """Start a system on free ports."""
    for _ in range(5):
        options = ("--detach", "--proxy", proxy, "--port-offset", str(free_offset()), *arguments)
        done = call(state, "up", *options, env=env)
        if CONTENDED not in done.stderr:  # somebody else may take a port between our look and the start
            break
    assert done.returncode == 0, done.stderr
    return RunningSystem.load(state)


@contextmanager
def running(
    state: Path, *arguments: str, proxy: str = "embedded", env: Mapping[str, str] | None = None
) -> Iterator[RunningSystem]:
    """A system that runs while the block does, and of which nothing is left after it."""
    try:
        yield up(state, *arguments, proxy=proxy, env=env)
    finally:
        done = call(state, "down")
    assert done.returncode == 0, done.stderr
    assert processes_of(state) == []


@contextmanager
def another_worker(system: RunningSystem, name: str = "second-worker") -> Iterator[Path]:
    """One more worker, just like the first, while the block runs; yields its log."""
    spec, log = records.read(system.state)["worker"].spec, supervisor.log_of(system.state, name)
    started = processes.spawn(spec, system.state, log, keys.read_or_make(system.state))
    try:
        yield log
    finally:
        processes.stop([started])


def processes_of(state: Path) -> list[str]:
    """Every live process that was started for ``state``: they all run in that folder."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.cwd() == str(state) and process.status() != psutil.STATUS_ZOMBIE:
                found.append(f"{process.pid} {' '.join(process.cmdline())}")
        except psutil.Error:
            continue
    return found


def until(holds: Callable[[], object], what: str, seconds: float = 30.0) -> None:
    """Wait until ``holds``; fail after ``seconds``."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(0.05)


def stubborn(folder: Path) -> processes.ProcessRecord:
    """A process that ignores TERM, and says so when it is ready to."""
    code = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); signal.pause()"
    log = folder / "stubborn.log"
    found = processes.spawn(ProcessSpec("stubborn", (sys.executable, "-c", code), {}, (), None), folder, log, {})
    until(lambda: "deaf" in log.read_text(), "it ignores TERM")
    return found
