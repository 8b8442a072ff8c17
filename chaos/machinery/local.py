"""A system whose processes `testbed up` started on this machine."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psutil

from chaos.key_rotation import rotate
from chaos.machinery import CannotDo
from chaos.machinery.file_limit import limit
from chaos.running_system import SECRETS_FILE, WORKER, RunningSystem

ROOT = Path(__file__).parents[2]
COMMAND_LIMIT = 90.0  # seconds
SOON = 30.0  # seconds until a second worker must be ready
SECOND_WORKER = "second-worker"
_second_workers: list[subprocess.Popen[bytes]] = []


class LocalProcesses:
    """The processes of one state folder. ``testbed`` starts and kills them; it keeps their pids."""

    def __init__(self, state: Path) -> None:
        self.state = state

    def kill(self, name: str) -> None:
        self._signal(name, "KILL")

    def stop(self, name: str) -> None:
        self._signal(name, "TERM")

    def pause(self, name: str) -> None:
        """SIGSTOP."""
        self._signal(name, "STOP")

    def resume(self, name: str) -> None:
        """SIGCONT."""
        self._signal(name, "CONT")

    def start(self, name: str, *, own_mounts: bool = False) -> None:
        self._each(name, lambda one: self._testbed("start", one, *(["--own-mounts"] if own_mounts else [])))

    def limit_files(self, name: str, full: bool) -> None:
        master = self._process(name)
        for process in (master, *master.children(recursive=True)):
            limit(process, full)

    def start_second_worker(self, clock: float | None) -> None:
        first, path = self._process("worker"), self.state / "logs" / f"{SECOND_WORKER}.log"
        env: Mapping[str, str] = first.environ()
        if clock is not None:
            from chaos.experiments import own_clock

            own_clock.set_ahead(self.state, clock)
            env = own_clock.with_own_clock(env, self.state)
        with path.open("wb") as log:
            _second_workers.append(subprocess.Popen(first.cmdline(), env=env, cwd=first.cwd(), stdout=log, stderr=log))
        deadline = time.monotonic() + SOON
        while b"is ready" not in path.read_bytes():
            if time.monotonic() > deadline:
                raise CannotDo(f"the second worker did not come up: {path.read_text()[-300:]}")
            time.sleep(0.05)

    def stop_second_workers(self) -> None:
        while _second_workers:
            worker = _second_workers.pop()
            worker.terminate()
            worker.wait()

    def rotate_keys(self) -> None:
        rotate(self.state / SECRETS_FILE)

    def save_logs(self, folder: Path) -> None:
        if (logs := self.state / "logs").is_dir():
            shutil.copytree(logs, folder, dirs_exist_ok=True)

    def _signal(self, name: str, word: str) -> None:
        self._each(name, lambda one: self._testbed("kill", one, "--signal", word))

    def _each(self, name: str, act: Callable[[str], None]) -> None:
        """Several workers are one to an experiment: what happens to the worker happens to all of them, at once."""
        names = RunningSystem.load(self.state).workers() if name == WORKER else [name]
        with ThreadPoolExecutor(max(1, len(names))) as pool:
            list(pool.map(act, names))

    def _process(self, name: str) -> psutil.Process:
        return psutil.Process(RunningSystem.load(self.state).services[name].pid)

    def _testbed(self, *arguments: str) -> None:
        """Out of reach of a Ctrl-C, which ends the experiment: a process that is being started must come up."""
        command = [sys.executable, "-m", "testbed", *arguments, "--state", str(self.state)]
        options: dict[str, Any] = {"cwd": ROOT, "capture_output": True, "text": True, "start_new_session": True}
        done = subprocess.run(command, timeout=COMMAND_LIMIT, check=False, **options)
        if done.returncode != 0:
            raise CannotDo(f"testbed {' '.join(arguments)}: {(done.stderr or done.stdout).strip()[-500:]}")
