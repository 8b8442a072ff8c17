"""The processes of a real stage, from outside: started by the nursery, killed and halted by their ids."""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import psutil

HOST = "127.0.0.1"
START_LIMIT = LIMIT = 60.0  # seconds for a process to come up, and for one to end
POLL = 0.02
PORTS = range(10_000, 32_000)


class CannotStart(Exception):
    """A process of the stage did not come up; the message has the end of its log."""


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


def wait_until(answers: Callable[[], bool], pid: int, name: str, log: Path) -> None:
    """Wait until a process that was just started answers. Raises CannotStart."""
    deadline = time.monotonic() + START_LIMIT
    while not answers():
        if not is_live(pid) or time.monotonic() > deadline:
            raise CannotStart(f"{name} did not start: {log.read_text()[-500:]}")
        time.sleep(POLL)


def free_port() -> int:
    """One that nobody listens on now, and that the kernel gives to no client: whoever is killed finds it free again."""
    for port in random.SystemRandom().sample(PORTS, 100):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind((HOST, port))
            return port
    raise CannotStart("no port is free")


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
