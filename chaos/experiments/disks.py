"""Actions on disks: one without room, one that cannot be written."""

from __future__ import annotations

import resource
from typing import Any

import psutil

from chaos.experiments import mounts
from chaos.experiments.run import Run, current
from chaos.running_system import RunningSystem

Configuration = dict[str, Any]
FULL, READ_ONLY = "full", "read-only"


def fill_disk(service: str, configuration: Configuration) -> None:
    """Let every write of ``service`` to a file fail (with EFBIG, by a limit that needs no root), logs included."""
    run = current(configuration)
    run.touched[service] = FULL
    _limit_files(run, service, 0)


def empty_disk(service: str, configuration: Configuration) -> None:
    """Let it write again."""
    run = current(configuration)
    _limit_files(run, service, resource.RLIM_INFINITY)
    run.touched.pop(service, None)


def start_with_own_mounts(service: str, configuration: Configuration) -> None:
    """Start ``service`` anew, where its disk can be made read-only later without anybody else noticing."""
    run = current(configuration)
    run.touched[service] = READ_ONLY
    run.testbed("kill", service, "--signal", "TERM")
    run.testbed("start", service, "--own-mounts")


def make_read_only(service: str, configuration: Configuration) -> None:
    """Let nothing in the data folder of ``service`` be made, changed, renamed or deleted any more.

    A mount knows of files that are opened from now on (EROFS); what is open already, a database above all, is kept
    from growing by a limit (EFBIG).
    """
    run = current(configuration)
    mounts.change(_master(run, service).pid, run.system.data / service, mounts.READ_ONLY)
    _limit_files(run, service, 0)


def make_writable(service: str, configuration: Configuration) -> None:
    """Let it write again."""
    run = current(configuration)
    _limit_files(run, service, resource.RLIM_INFINITY)
    mounts.change(_master(run, service).pid, run.system.data / service, mounts.WRITABLE)


def start_with_common_mounts(service: str, configuration: Configuration) -> None:
    """Start ``service`` as it was before ``start_with_own_mounts``: nothing of its mounts is left then."""
    run = current(configuration)
    run.testbed("kill", service, "--signal", "KILL")
    run.testbed("start", service)
    run.touched.pop(service, None)


def _limit_files(run: Run, service: str, limit: int) -> None:
    """Only the soft limit, which its owner may raise again."""
    master = _master(run, service)
    for process in (master, *master.children(recursive=True)):
        _, hard = process.rlimit(psutil.RLIMIT_FSIZE)
        process.rlimit(psutil.RLIMIT_FSIZE, (limit if limit == 0 else hard, hard))


def _master(run: Run, service: str) -> psutil.Process:
    return psutil.Process(RunningSystem.load(run.system.state).services[service].pid)


REVIVE = {FULL: empty_disk, READ_ONLY: start_with_common_mounts}
"""What brings a process back whose disk was touched."""
