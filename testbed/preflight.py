"""What must hold before anything is started; every obstacle at once, each with what to do about it."""

from __future__ import annotations

import contextlib
import re
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import psutil

from testbed import preflight_log, processes, records
from testbed.errors import CannotStart
from testbed.layout import EXTERNAL, HOST, Layout

CREDENTIALS = {"neo4j_stub": "set NEO4J_USER and NEO4J_PASSWORD", "chroma_stub": "set CHROMA_TOKEN"}
GIT_AT_LEAST = (2, 36)  # core.fsync, on which git_server's durability rests


def make_folder(state: Path) -> None:
    """Make the state folder. Raises CannotStart when it cannot be written."""
    try:
        for folder in (state, state / "data", state / "logs"):
            folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=folder) as probe:
                probe.write(b"x")
    except OSError as error:
        reason = f"the state folder {state} cannot be written ({error.strerror})"
        raise CannotStart([f"{reason}: choose another one with --state"]) from None


def check(layout: Layout) -> None:
    """Raises CannotStart, naming every obstacle."""
    obstacles = list(_already_running(layout.state))
    if "git_server" in layout.names:
        obstacles += _git()
    obstacles += _external(layout)
    obstacles += preflight_log.saga_log(layout)
    if not obstacles:  # a system that already runs here would be named once for each of its ports
        obstacles += _ports(layout.ports())
    if obstacles:
        raise CannotStart(obstacles)


def _already_running(state: Path) -> Iterator[str]:
    alive = [record for record in records.read(state).values() if processes.lives(record)]
    if alive:
        who = ", ".join(f"{record.name} (pid {record.pid})" for record in alive)
        yield f"a system is already running in {state}: {who}; stop it with `testbed down --state {state}`"


def _git() -> Iterator[str]:
    wanted = ".".join(map(str, GIT_AT_LEAST))
    program = shutil.which("git")
    if program is None:
        yield f"there is no git on PATH: install git {wanted} or newer"
        return
    done = subprocess.run([program, "--version"], capture_output=True, text=True, check=False, timeout=20)
    found = re.search(r"(\d+)\.(\d+)", done.stdout)
    if found is None:
        yield f"{program} does not tell its version: install git {wanted} or newer"
    elif (int(found[1]), int(found[2])) < GIT_AT_LEAST:
        yield f"{program} is version {found[0]}: install git {wanted} or newer"


def _external(layout: Layout) -> Iterator[str]:
    for name, url in layout.external.items():
        parts = urlsplit(url)
        if parts.hostname is None or parts.scheme not in ("http", "https"):
            yield f"{EXTERNAL[name]}={url} is not the URL of a server: write http://HOST:PORT"
        elif parts.username or parts.password:
            yield f"{EXTERNAL[name]} holds a user or password: {CREDENTIALS[name]} instead"
        elif parts.scheme == "https" and layout.proxy_kind != "none":
            yield f"{EXTERNAL[name]} is an https URL, which the fault proxy cannot stand in front of: use --proxy none"


def _ports(wanted: dict[int, str]) -> Iterator[str]:
    for port, purpose in sorted(wanted.items()):
        if not is_free(port):
            owner = owner_of(port)
            yield f"port {port} ({purpose}) is in use by {owner}: stop that, or shift all ports with --port-offset N"


def is_free(port: int) -> bool:
    """Whether a server could listen there now, bound as gunicorn binds."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
            probe.listen(1)
        except OSError:
            return False
    return True


def owner_of(port: int) -> str:
    """Who listens on a port, as far as the operating system tells this user."""
    with contextlib.suppress(psutil.Error, OSError):
        for connection in psutil.net_connections("tcp"):
            if connection.status == psutil.CONN_LISTEN and connection.pid and _port_of(connection.laddr) == port:
                process = psutil.Process(connection.pid)
                return f"{_in_short(process)} (pid {process.pid})"
    return "another process"


def _port_of(address: tuple[object, ...]) -> object:
    """psutil gives (host, port), or nothing for a socket without an address."""
    return address[1] if len(address) > 1 else None


def _in_short(process: psutil.Process) -> str:
    words = " ".join(process.cmdline()) or process.name()
    return words if len(words) <= 80 else words[:79] + "…"
