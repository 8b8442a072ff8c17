"""The processes of a real stage, from outside: started by the nursery, killed and halted by their ids."""

from __future__ import annotations

import contextlib
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import psutil
import requests

from chaos.explorer.machines import AppOnFolder, write_image
from chaos.explorer.real.links import HOST, POLL, START_LIMIT, CannotStart, free_port
from chaos.explorer.remembered import Image
from chaos.explorer.wire import Answer, Ask, Request

LIMIT = 60.0  # seconds for a process to end, or to answer the stage's own look at it


class Nursery:
    """Starts processes in milliseconds. Close it."""

    def __init__(self, log: Path, environment: Mapping[str, str]) -> None:
        self._log = log
        with log.open("wb") as errors:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "chaos.explorer.real.nursery"],
                env=dict(environment),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
            )

    def begin(self, plan: Mapping[str, Any]) -> None:
        """Tell it what the stage is; returns when it can fork. Raises CannotStart."""
        self._order(plan)

    def start(self, name: str, **more: object) -> int:
        """The pid of a new process, the leader of a group of its own. Raises CannotStart."""
        return self._order({"name": name, **more})

    def close(self) -> None:
        """End it, and whoever it started."""
        if self._process.stdin is not None and self._process.stdout is not None:
            with contextlib.suppress(OSError):
                self._process.stdin.close()
            self._process.stdout.close()
        try:
            self._process.wait(LIMIT)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _order(self, order: Mapping[str, Any]) -> int:
        if self._process.stdin is None or self._process.stdout is None:
            raise AssertionError("the nursery has no pipes")
        try:
            self._process.stdin.write(json.dumps(order) + "\n")
            self._process.stdin.flush()
            answer = self._process.stdout.readline()
        except OSError:
            answer = ""
        if not answer:
            raise CannotStart(f"the stage's processes cannot be started: {self._log.read_text()[-500:]}")
        pid: int = json.loads(answer)["pid"]
        return pid


class RealMachine(AppOnFolder):
    """A participant as a process of its own, for whoever deals with a simulated one: the checker among others.

    Its folder and its answers are real; what an app would be in this process is the process.
    """

    def __init__(self, simulated: AppOnFolder, nursery: Nursery) -> None:
        super().__init__(
            simulated.name, simulated.folder, simulated.make, address=simulated.address, content=simulated.content
        )
        self.port, self.pid, self._nursery = free_port(), 0, nursery
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.headers["Connection"] = "close"

    def open(self) -> None:
        """Start, and wait until it answers. Raises CannotStart."""
        self.start()
        self.wait()

    def start(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.pid = self._nursery.start(self.name, port=self.port)

    def wait(self) -> None:
        deadline = time.monotonic() + START_LIMIT
        while not self._answers():
            if not is_live(self.pid) or time.monotonic() > deadline:
                log = self.folder.parent / f"{self.name}.log"
                raise CannotStart(f"{self.name} did not start: {log.read_text()[-500:]}")
            time.sleep(POLL)

    def call(self, request: Request, ask: Ask, *, disk_full: bool = False) -> Answer:
        """Past all links and faults."""
        headers = {name: value for name, value in request.headers.items() if not name.startswith("x-simulated")}
        answer = self._session.request(
            request.method,
            f"http://{HOST}:{self.port}{request.path}",
            headers=headers,
            data=request.body,
            timeout=LIMIT,
        )
        return Answer.of(answer.status_code, answer.headers, answer.content)

    def close(self) -> None:
        """kill -9, all that belongs to it."""
        if self.pid:
            kill_group(self.pid)
        self.pid = 0

    def fill_disk(self, pid: int) -> None:
        """Not a byte more in any file, for this process of it; the limit is the kernel's and needs no root."""
        _limit_files(pid, 0)

    def empty_disk(self, pid: int) -> None:
        with contextlib.suppress(psutil.NoSuchProcess):
            _limit_files(pid, resource.RLIM_INFINITY)

    def _answers(self) -> bool:
        try:
            self._session.get(f"http://{HOST}:{self.port}/healthz", timeout=LIMIT)
        except requests.RequestException:
            return False
        return True


def put_back(machines: Iterable[RealMachine], images: Mapping[str, Image]) -> None:
    """All of them as they are in ``images``: killed, their folders written, started again, all at the same time."""
    for machine in machines:
        machine.close()
        shutil.rmtree(machine.folder, ignore_errors=True)
        machine.folder.mkdir(parents=True)
        write_image(machine.folder, images[machine.name])
        machine.start()
    for machine in machines:
        machine.wait()


def kill_group(pid: int) -> None:
    """kill -9 to a process and all that it started; returns when none of them lives. Raises TimeoutError."""
    members = _members(pid)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)
    deadline = time.monotonic() + LIMIT
    while any(map(is_live, members)):
        if time.monotonic() > deadline:
            raise TimeoutError(f"still there after SIGKILL: {members}")
        time.sleep(0.002)


def is_live(pid: int) -> bool:
    """Whether it runs: a zombie does not."""
    try:
        return psutil.Process(pid).status() not in (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD)
    except psutil.NoSuchProcess:
        return False


def _members(pid: int) -> list[int]:
    try:
        return [pid, *(child.pid for child in psutil.Process(pid).children(recursive=True))]
    except psutil.NoSuchProcess:
        return [pid]


def _limit_files(pid: int, limit: int) -> None:
    process = psutil.Process(pid)
    _, hard = process.rlimit(psutil.RLIMIT_FSIZE)
    process.rlimit(psutil.RLIMIT_FSIZE, (0 if limit == 0 else hard, hard))
