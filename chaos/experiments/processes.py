"""Actions on processes: kill, pause, restart, and a disk without room."""

from __future__ import annotations

import resource
from typing import Any

import psutil

from chaos.experiments.run import Run, current
from chaos.running_system import RunningSystem

Configuration = dict[str, Any]
PROXY = "fault_proxy"


def kill(service: str, configuration: Configuration) -> None:
    """kill -9."""
    run = current(configuration)
    run.touched[service] = "killed"
    if service == PROXY:  # its toxics and its events go with it
        run.fired()
        run.proxy_event = 0
    run.testbed("kill", service, "--signal", "KILL")


def pause(service: str, configuration: Configuration) -> None:
    """SIGSTOP: the process is alive and does nothing."""
    run = current(configuration)
    run.touched[service] = "paused"
    run.testbed("kill", service, "--signal", "STOP")


def resume(service: str, configuration: Configuration) -> None:
    """SIGCONT."""
    run = current(configuration)
    run.testbed("kill", service, "--signal", "CONT")
    run.touched.pop(service, None)


def start(service: str, configuration: Configuration) -> None:
    """Start what was killed, on its old data."""
    run = current(configuration)
    run.testbed("start", service)
    run.touched.pop(service, None)


def restart_everything(configuration: Configuration) -> None:
    """Kill every process of the system, then start them all again."""
    services = list(current(configuration).system.services)
    for service in services:
        kill(service, configuration)
    for service in services:
        start(service, configuration)


def fill_disk(service: str, configuration: Configuration) -> None:
    """Let every write of ``service`` to a file fail (with EFBIG, by a limit that needs no root), logs included."""
    run = current(configuration)
    run.touched[service] = "full"
    _limit_files(run, service, 0)


def empty_disk(service: str, configuration: Configuration) -> None:
    """Let it write again."""
    run = current(configuration)
    _limit_files(run, service, resource.RLIM_INFINITY)
    run.touched.pop(service, None)


def _limit_files(run: Run, service: str, limit: int) -> None:
    """Only the soft limit, which its owner may raise again."""
    master = psutil.Process(RunningSystem.load(run.system.state).services[service].pid)
    for process in (master, *master.children(recursive=True)):
        _, hard = process.rlimit(psutil.RLIMIT_FSIZE)
        process.rlimit(psutil.RLIMIT_FSIZE, (limit if limit == 0 else hard, hard))


REVIVE = {"killed": start, "paused": resume, "full": empty_disk}
"""What brings a process back that was touched."""
