"""Actions on disks: one without room, one that cannot be written."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from chaos.experiments import mounts
from chaos.experiments.run import Run, current
from chaos.machinery import CannotDo
from chaos.running_system import RunningSystem

Configuration = dict[str, Any]
FULL, READ_ONLY = "full", "read-only"


def fill_disk(service: str, configuration: Configuration) -> None:
    """Let every write of ``service`` to a file fail (with EFBIG, by a limit that needs no root), logs included."""
    run = current(configuration)
    run.touched[service] = FULL
    run.machinery.limit_files(service, full=True)


def empty_disk(service: str, configuration: Configuration) -> None:
    """Let it write again."""
    run = current(configuration)
    run.machinery.limit_files(service, full=False)
    run.touched.pop(service, None)


def start_with_own_mounts(service: str, configuration: Configuration) -> None:
    """Start ``service`` anew, where its disk can be made read-only later without anybody else noticing."""
    run = current(configuration)
    run.touched[service] = READ_ONLY
    run.machinery.stop(service)
    run.machinery.start(service, own_mounts=True)


def make_read_only(service: str, configuration: Configuration) -> None:
    """Let nothing in the data folder of ``service`` be made, changed, renamed or deleted any more.

    A mount knows of files that are opened from now on (EROFS); what is open already, a database above all, is kept
    from growing by a limit (EFBIG).
    """
    run = current(configuration)
    mounts.change(_master(run, service), run.system.data / service, mounts.READ_ONLY)
    run.machinery.limit_files(service, full=True)


def make_writable(service: str, configuration: Configuration) -> None:
    """Let it write again."""
    run = current(configuration)
    run.machinery.limit_files(service, full=False)
    mounts.change(_master(run, service), run.system.data / service, mounts.WRITABLE)


def start_with_common_mounts(service: str, configuration: Configuration) -> None:
    """Start ``service`` as it was before ``start_with_own_mounts``: nothing of its mounts is left then."""
    run = current(configuration)
    with suppress(CannotDo):  # it is dead already
        run.machinery.kill(service)
    run.machinery.start(service)
    run.touched.pop(service, None)


def _master(run: Run, service: str) -> int:
    return RunningSystem.load(run.system.state).services[service].pid


REVIVE = {FULL: empty_disk, READ_ONLY: start_with_common_mounts}
"""What brings a process back whose disk was touched."""
