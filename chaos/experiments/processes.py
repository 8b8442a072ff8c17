"""Actions on processes: kill, pause, restart, a second worker, new keys."""

from __future__ import annotations

from typing import Any

from chaos.experiments import disks
from chaos.experiments.run import current
from chaos.running_system import WORKER, is_worker

Configuration = dict[str, Any]
PROXY, SECOND_WORKER = "fault_proxy", "second-worker"


def kill(service: str, configuration: Configuration) -> None:
    """kill -9."""
    run = current(configuration)
    run.touched[service] = "killed"
    if service == PROXY:  # its toxics and its events go with it
        run.fired()
        run.proxy_event = 0
    run.machinery.kill(service)


def pause(service: str, configuration: Configuration) -> None:
    """The process is alive and does nothing."""
    run = current(configuration)
    run.touched[service] = "paused"
    run.machinery.pause(service)


def resume(service: str, configuration: Configuration) -> None:
    """It goes on."""
    run = current(configuration)
    run.machinery.resume(service)
    run.touched.pop(service, None)


def start(service: str, configuration: Configuration) -> None:
    """Start what was killed, on its old data."""
    run = current(configuration)
    run.machinery.start(service)
    run.touched.pop(service, None)


def restart_everything(configuration: Configuration) -> None:
    """Kill every process of the system, then start them all again.

    The worker goes first and comes last: it would otherwise live through an outage of all others, which is another
    fault than a power cut, and park its sagas after a while (R10).
    """
    system = current(configuration).system
    others = [name for name in system.services if not is_worker(name)]
    services = [*([WORKER] if system.workers() else []), *others]
    for service in services:
        kill(service, configuration)
    for service in reversed(services):
        start(service, configuration)


def start_second_worker(configuration: Configuration, clock: float | None = None) -> None:
    """Start another worker, just like the one of the system, which may be paused. Raises CannotDo.

    Args:
        clock: seconds that its wall clock is ahead at first; ``set_clock`` lets it jump. None: it has the true time.
    """
    run = current(configuration)
    run.touched[SECOND_WORKER] = "extra"
    run.machinery.start_second_worker(clock)


def stop_second_worker(service: str, configuration: Configuration) -> None:
    """Let it finish what it works on, and end it."""
    run = current(configuration)
    run.machinery.stop_second_workers()
    run.touched.pop(service, None)


def rotate_keys(configuration: Configuration) -> None:
    """Put new signing keys in front of the old ones, and restart whoever checks tokens, then whoever signs them."""
    run = current(configuration)
    run.machinery.rotate_keys()
    backends = [name for name in run.system.services if name.partition("-")[0] == "backend"]
    for service in ("filesystem_server", "git_server", "chroma_stub", "neo4j_stub", WORKER, *backends):
        run.touched[service] = "killed"
        run.machinery.stop(service)
        start(service, configuration)


def _start_anew(service: str, configuration: Configuration) -> None:
    """Start what was killed. Where a Ctrl-C broke off nobody knows: it may live still, or again."""
    disks.start_with_common_mounts(service, configuration)


REVIVE = {"killed": _start_anew, "paused": resume, "extra": stop_second_worker} | disks.REVIVE
"""What brings a process back that was touched."""
