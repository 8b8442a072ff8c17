"""Actions on processes: kill, pause, restart, a second worker, new keys."""

from __future__ import annotations

import secrets
import subprocess
import time
from typing import Any

import psutil
from chaoslib.exceptions import ActivityFailed

from chaos.experiments import disks, own_clock
from chaos.experiments.auditing import poll
from chaos.experiments.run import SOON, current
from chaos.running_system import SECRETS_FILE, RunningSystem

Configuration = dict[str, Any]
PROXY, SECOND_WORKER = "fault_proxy", "second-worker"
_second_worker: list[subprocess.Popen[bytes]] = []


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
    """Kill every process of the system, then start them all again.

    The worker goes first and comes last: it would otherwise live through an outage of all others, which is another
    fault than a power cut, and park its sagas after a while (R10).
    """
    services = sorted(current(configuration).system.services, key=lambda service: service != "worker")
    for service in services:
        kill(service, configuration)
    for service in reversed(services):
        start(service, configuration)


def start_second_worker(configuration: Configuration, clock: float | None = None) -> None:
    """Start another worker, just like the one of the system, which may be paused.

    Args:
        clock: seconds that its wall clock is ahead at first; ``set_clock`` lets it jump. None: it has the true time.

    Raises:
        ActivityFailed: it does not come up.
    """
    run = current(configuration)
    first = psutil.Process(RunningSystem.load(run.system.state).services["worker"].pid)
    env, path = first.environ(), run.system.state / "logs" / f"{SECOND_WORKER}.log"
    if clock is not None:
        own_clock.set_ahead(run.system.state, clock)
        env = own_clock.with_own_clock(env, run.system.state)
    with path.open("wb") as log:
        _second_worker.append(subprocess.Popen(first.cmdline(), env=env, cwd=first.cwd(), stdout=log, stderr=log))
    run.touched[SECOND_WORKER] = "extra"
    if not poll(lambda: b"is ready" in path.read_bytes(), SOON):
        raise ActivityFailed(f"the second worker did not come up: {path.read_text()[-300:]}")


def stop_second_worker(service: str, configuration: Configuration) -> None:
    """Let it finish what it works on, and end it."""
    for worker in _second_worker:
        worker.terminate()
        worker.wait()
    _second_worker.clear()
    current(configuration).touched.pop(service, None)


def rotate_keys(configuration: Configuration) -> None:
    """Put new signing keys in front of the old ones, and restart whoever checks tokens, then whoever signs them."""
    run = current(configuration)
    path = run.system.state / SECRETS_FILE
    lines = [_with_new_key(line) for line in path.read_text().splitlines()]
    draft = path.with_name(path.name + ".rotated")
    draft.touch(mode=0o600)
    draft.write_text("\n".join(lines) + "\n")
    draft.replace(path)
    for service in ("filesystem_server", "git_server", "chroma_stub", "neo4j_stub", "worker", "backend"):
        run.touched[service] = "killed"
        run.testbed("kill", service, "--signal", "TERM")
        start(service, configuration)


def _with_new_key(line: str) -> str:
    """Two keys may be valid at once, so the older ones go."""
    name, equals, keys = line.partition("=")
    if not equals or not name.endswith("_TOKEN_KEYS"):
        return line
    newest = keys.split(",")[0]
    return f"{name}=k{time.time_ns()}:{secrets.token_urlsafe(32)},{newest}"


REVIVE = {"killed": start, "paused": resume, "extra": stop_second_worker} | disks.REVIVE
"""What brings a process back that was touched."""
