"""Starting, recognising and signalling operating-system processes, each the leader of its own group."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import psutil

from testbed.layout import DECIDED_HERE, PASSED_ON, ProcessSpec

POLL = 0.02  # seconds between looks at processes that are ending
GRACE = 10.0  # seconds between TERM and KILL
_PACKAGES = str(Path(__file__).resolve().parent.parent)
_STILL = (psutil.STATUS_STOPPED, psutil.STATUS_TRACING_STOP, psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD)
_children: dict[int, subprocess.Popen[bytes]] = {}


@dataclass(frozen=True)
class ProcessRecord:
    """A process that was started.

    Attributes:
        mark: the time at which it started, as the kernel tells it; with ``pid`` it names one process for ever.
        log_offset: the size of its log when it was started, in bytes.
    """

    spec: ProcessSpec
    pid: int
    mark: float
    log_offset: int

    @property
    def name(self) -> str:
        return self.spec.name


def spawn(spec: ProcessSpec, folder: Path, log: Path, secrets: Mapping[str, str]) -> ProcessRecord:
    """Start a process of its own session, its output appended to ``log``. Raises OSError."""
    with log.open("ab") as output:
        offset = output.tell()
        process = subprocess.Popen(
            spec.argv,
            env=_environment(spec, secrets),
            cwd=folder,  # not the caller's: a folder there called "backend" would be imported instead of ours
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    _children[process.pid] = process
    return ProcessRecord(spec, process.pid, _start_mark(process.pid) or 0.0, offset)


def lives(record: ProcessRecord) -> bool:
    """Whether this very process is still there (a zombie is not)."""
    reap()
    return _start_mark(record.pid) == record.mark and _is_live(record.pid)


def is_stopped(record: ProcessRecord) -> bool:
    """Whether it was halted by SIGSTOP."""
    try:
        return psutil.Process(record.pid).status() == psutil.STATUS_STOPPED
    except psutil.NoSuchProcess:
        return False


def send(record: ProcessRecord, signum: int) -> None:
    """Signal the process and all that it started; nothing when none of them is there any more."""
    if _is_somebody_else(record):
        return
    with contextlib.suppress(ProcessLookupError):
        os.killpg(record.pid, signum)


def stop(records: Iterable[ProcessRecord], grace: float = GRACE) -> None:
    """TERM to every group, KILL after ``grace`` seconds; returns when no process is left."""
    left = list(records)
    for record in left:
        send(record, signal.SIGTERM)
        send(record, signal.SIGCONT)  # a process that is halted would not see the TERM
    if left := _wait(left, grace):
        kill(left)


def kill(records: Iterable[ProcessRecord]) -> None:
    """KILL to every group; returns when no process is left. Raises TimeoutError when the kernel keeps one."""
    left = list(records)
    for record in left:
        send(record, signal.SIGKILL)
    if stuck := _wait(left, GRACE):
        raise TimeoutError("still there after SIGKILL: " + ", ".join(f"{one.name} (pid {one.pid})" for one in stuck))


@contextlib.contextmanager
def halted(records: Iterable[ProcessRecord]) -> Iterator[None]:
    """While the block runs, no process of these groups does; those that were halted before stay so after it.

    Raises:
        TimeoutError: the kernel keeps one running.
    """
    ours = [record for record in records if lives(record) and not is_stopped(record)]
    try:
        for record in ours:
            send(record, signal.SIGSTOP)
        _wait_until_halted({record.pid for record in ours})
        yield
    finally:
        for record in ours:
            send(record, signal.SIGCONT)


def _wait_until_halted(groups: set[int]) -> None:
    """A process that is in the middle of a call to the kernel halts only after it."""
    deadline = time.monotonic() + GRACE
    while any(_group_of(pid) in groups and _moves(pid) for pid in psutil.pids()):
        if time.monotonic() > deadline:
            raise TimeoutError("a process did not halt")
        time.sleep(POLL)


def _moves(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() not in _STILL
    except psutil.NoSuchProcess:
        return False


def reap() -> None:
    """Take note of children of this process that ended, so that they do not stay as zombies."""
    for pid, child in list(_children.items()):
        if child.poll() is not None:
            _children.pop(pid, None)  # another thread may have been faster


def _wait(records: list[ProcessRecord], seconds: float) -> list[ProcessRecord]:
    """Those that still have a process after ``seconds``."""
    deadline = time.monotonic() + seconds
    while records := _with_members(records):
        if time.monotonic() > deadline:
            break
        time.sleep(POLL)
    return records


def _with_members(records: list[ProcessRecord]) -> list[ProcessRecord]:
    """Those of whose group a process is left. Zombies do not count: their parent may never look at them."""
    reap()
    records = [record for record in records if not _is_somebody_else(record) and _group_exists(record.pid)]
    if not records:
        return []
    groups = {record.pid for record in records}
    live = {group for pid in psutil.pids() if (group := _group_of(pid)) in groups and _is_live(pid)}
    return [record for record in records if record.pid in live]


def _group_exists(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def _group_of(pid: int) -> int | None:
    try:
        return os.getpgid(pid)
    except (ProcessLookupError, PermissionError):
        return None


def _is_live(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() not in (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD)
    except psutil.NoSuchProcess:
        return False


def _is_somebody_else(record: ProcessRecord) -> bool:
    """Whether the number was given to another process. It cannot be while a member of our group lives."""
    mark = _start_mark(record.pid)
    return mark is not None and mark != record.mark


def _start_mark(pid: int) -> float | None:
    """When a process started: clock ticks since boot on Linux (wall-clock time shifts with the clock)."""
    stat = Path(f"/proc/{pid}/stat")
    try:
        return float(stat.read_text().rpartition(")")[2].split()[19])
    except (FileNotFoundError, ProcessLookupError):
        if Path("/proc/self/stat").exists():
            return None
    try:
        return psutil.Process(pid).create_time()
    except psutil.NoSuchProcess:
        return None


def _environment(spec: ProcessSpec, secrets: Mapping[str, str]) -> dict[str, str]:
    """The caller's environment without any setting of a service, then the settings of this one."""
    inherited = {name: value for name, value in os.environ.items() if name not in PASSED_ON | DECIDED_HERE}
    path = os.pathsep.join(filter(None, (_PACKAGES, os.environ.get("PYTHONPATH"))))
    own = {name: secrets[name] for name in spec.secrets}
    return {**inherited, "PYTHONPATH": path, **spec.env, **own}
