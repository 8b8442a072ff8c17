"""The local process supervisor: starts a system, stops it, and kills and restarts single processes of it.

Nothing stays behind to supervise: ``system.json`` and ``processes.json`` in the state folder say all there is to know,
so any later command can stop or restart what an earlier one started.
"""

from __future__ import annotations

import json
import signal
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from chaos.running_system import SYSTEM_FILE, NoSystem, RunningSystem, Service, is_worker
from testbed import keys, preflight, processes, readiness, records, running_proxy
from testbed.errors import Failure
from testbed.layout import FAULT_PROXY, PORTS, Layout
from testbed.processes import ProcessRecord
from testbed.readiness import State

START_LIMIT = 60.0  # seconds
POLL = 0.03  # seconds between looks at processes that are starting
LOG_LINES = 15  # of a process that did not start
Ready = Callable[[str, float], None]
"""Told of each process that became ready, and after how many seconds."""


def log_of(state: Path, name: str) -> Path:
    """The log of a process."""
    return state / "logs" / f"{name}.log"


def is_described(state: Path) -> bool:
    """Whether there is a system in ``state`` that nobody has stopped."""
    return (state / SYSTEM_FILE).exists()


def up(layout: Layout, on_ready: Ready = lambda name, seconds: None, limit: float = START_LIMIT) -> RunningSystem:
    """Start a system and wait until all of it is ready.

    Raises:
        CannotStart: the preflight found obstacles; nothing was started.
        Failure: a process was not ready after ``limit`` seconds; everything was stopped again.
    """
    began = time.monotonic()
    preflight.make_folder(layout.state)
    with records.locked(layout.state):
        preflight.check(layout)
        running_proxy.check(layout)
        system, started = _spawn_all(layout)
    try:
        if layout.running_proxy:
            running_proxy.add_links(layout.running_proxy, layout.links())
        _wait_until_ready(system, started, on_ready, began, limit)
    except BaseException:
        down(layout.state, grace=1.0)
        raise
    return system


def down(state: Path, grace: float = processes.GRACE) -> list[str]:
    """Stop everything that was started in ``state``; returns the names of what was still running.

    Args:
        grace: seconds between TERM and KILL.
    """
    if not state.is_dir():
        return []
    with records.locked(state):
        left = records.read(state)
        running = [name for name, record in left.items() if processes.lives(record)]
        # The participants still answer while these stop, so that sagas under way can end.
        first = {name for name in left if is_worker(name) or name == "backend"}
        processes.stop([left[name] for name in first], grace)
        processes.stop([record for name, record in left.items() if name not in first], grace)
        _forget(state)
    return running


def down_now(state: Path) -> None:
    """KILL to everything that was started in ``state``."""
    with records.locked(state):
        processes.kill(records.read(state).values())
        _forget(state)


def start(state: Path, name: str, limit: float = START_LIMIT, *, behind: Sequence[str] = ()) -> int:
    """Start one process again as it was started before; returns its pid once it answers.

    Args:
        behind: a command that takes the process's own behind it and becomes it, for this time only.

    Raises:
        NoSystem, Failure: there is no such process, it runs, its port is taken, or it does not come up.
    """
    system = RunningSystem.load(state)
    with records.locked(state):
        known = records.read(state)
        record = _named(known, name, state)
        _refuse_when_running(record, state)
        processes.kill([record])  # members of its group that outlived it
        if record.spec.port is not None and not preflight.is_free(record.spec.port):
            raise Failure(f"port {record.spec.port} of {name} is in use by {preflight.owner_of(record.spec.port)}")
        spec = replace(record.spec, argv=(*behind, *record.spec.argv))
        spawned = processes.spawn(spec, state, log_of(state, name), keys.read_or_make(state))
        record = replace(spawned, spec=record.spec)
        records.write(state, (known | {name: record}).values())
        services = dict(system.services) | {name: replace(system.services[name], pid=record.pid)}
        replace(system, services=services).save()
    _wait_for({name: record}, state, limit, lambda one: readiness.answers(one, log_of(state, one.name)))
    return record.pid


def kill(state: Path, name: str, signum: int = signal.SIGKILL) -> int:
    """Signal one process and all that it started; after KILL and TERM, returns when none of them is left.

    Returns:
        the pid.

    Raises:
        NoSystem, Failure: there is no such process, or it does not run.
    """
    RunningSystem.load(state)
    record = _named(records.read(state), name, state)
    if not processes.lives(record):
        raise Failure(f"{name} does not run: `testbed start {name} --state {state}` starts it again")
    if signum == signal.SIGTERM:
        processes.stop([record])
    elif signum == signal.SIGKILL:
        processes.kill([record])
    else:
        processes.send(record, signum)
    return record.pid


def states(system: RunningSystem) -> dict[str, State]:
    """How every service of the system is now."""
    known = records.read(system.state)

    def state_of(service: Service) -> State:
        record = known.get(service.name)
        if record is not None:
            return _state(record, system)
        return State.DEAD if service.url is None else readiness.state_of_url(service.url)

    with ThreadPoolExecutor(max_workers=8) as pool:
        return dict(zip(system.services, pool.map(state_of, system.services.values()), strict=True))


def tail_of_log(state: Path, record: ProcessRecord, lines: int = LOG_LINES) -> str:
    """The last lines that a process wrote since it was started."""
    with log_of(state, record.name).open("rb") as file:
        file.seek(record.log_offset)
        text = file.read().decode(errors="replace")
    return "\n".join(f"    {line}" for line in text.splitlines()[-lines:]) or "    (its log is empty)"


def _spawn_all(layout: Layout) -> tuple[RunningSystem, dict[str, ProcessRecord]]:
    state = layout.state
    if layout.saga_log_url:
        keys.remember_saga_log(state, layout.saga_log_url)
    secrets = keys.read_or_make(state)
    layout.saga_log.parent.mkdir(parents=True, exist_ok=True)
    layout.proxy_config.write_text(json.dumps(running_proxy.as_config(layout.links()), indent=1))
    started: dict[str, ProcessRecord] = {}
    try:
        for spec in layout.processes():
            started[spec.name] = processes.spawn(spec, state, log_of(state, spec.name), secrets)
        records.write(state, started.values())
        system = _describe(layout, started)
        system.save()
    except BaseException:
        processes.kill(started.values())
        _forget(state)
        raise
    return system, started


def _describe(layout: Layout, started: Mapping[str, ProcessRecord]) -> RunningSystem:
    """What ``system.json`` says. A server that was not started here has pid 0."""
    services = {
        name: Service(
            name=name,
            pid=started[name].pid if name in started else 0,
            url=layout.own_url(name) if name in PORTS else None,
            proxied_url=layout.proxied_url(name),
        )
        for name in sorted([*started, *layout.external])
    }
    return RunningSystem(
        state=layout.state,
        port_offset=layout.port_offset,
        proxy_kind=layout.proxy_kind,
        proxy_url=layout.proxy_url,
        services=services,
        links=layout.links(),
    )


def _wait_until_ready(
    system: RunningSystem, started: Mapping[str, ProcessRecord], on_ready: Ready, began: float, limit: float
) -> None:
    def is_up(record: ProcessRecord) -> bool:
        if record.spec.needs <= started.keys():
            return _state(record, system) is State.READY
        return readiness.answers(record, log_of(system.state, record.name))

    _wait_for(started, system.state, limit, is_up, lambda name: on_ready(name, time.monotonic() - began))


def _wait_for(
    started: Mapping[str, ProcessRecord],
    state: Path,
    limit: float,
    is_up: Callable[[ProcessRecord], bool],
    tell: Callable[[str], None] = lambda name: None,
) -> None:
    """Wait until every process is up. Raises Failure when one ends before, or takes longer than ``limit`` seconds."""
    deadline, over = time.monotonic() + limit, threading.Event()

    def watch(record: ProcessRecord) -> None:
        while not over.is_set() and not is_up(record):
            if not processes.lives(record):
                raise Failure(_story(state, record, "ended while it was starting"))
            if time.monotonic() > deadline:
                raise Failure(_story(state, record, f"was not ready after {limit:g} s"))
            over.wait(POLL)

    with ThreadPoolExecutor(max_workers=max(1, len(started))) as pool:
        watches = {pool.submit(watch, record): record.name for record in started.values()}
        try:
            for done in as_completed(watches):
                done.result()
                tell(watches[done])
        finally:
            over.set()


def _story(state: Path, record: ProcessRecord, what: str) -> str:
    log = log_of(state, record.name)
    return f"{record.name} {what}; the end of its log ({log}):\n{tail_of_log(state, record)}"


def _state(record: ProcessRecord, system: RunningSystem) -> State:
    return readiness.state_of(record, log_of(system.state, record.name), frozenset(system.links))


def _named(known: Mapping[str, ProcessRecord], name: str, state: Path) -> ProcessRecord:
    if name not in known:
        raise Failure(f"no process {name!r} was started in {state}; there is: {', '.join(sorted(known)) or 'none'}")
    return known[name]


def _refuse_when_running(record: ProcessRecord, state: Path) -> None:
    if not processes.lives(record):
        return
    advice = f"`testbed kill {record.name} --state {state}` first"
    if processes.is_stopped(record):
        advice = f"it is halted, and `testbed kill {record.name} --signal CONT --state {state}` lets it go on"
    raise Failure(f"{record.name} already runs (pid {record.pid}): {advice}")


def _forget(state: Path) -> None:
    with suppress(NoSystem):
        system = RunningSystem.load(state)
        if system.proxy_url and FAULT_PROXY not in system.services:
            running_proxy.remove_links(system.proxy_url, list(system.links))
    (state / SYSTEM_FILE).unlink(missing_ok=True)
    records.forget(state)
