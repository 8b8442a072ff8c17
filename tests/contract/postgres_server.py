"""A PostgreSQL server of our own, from the package: in a temporary folder, on a free port of loopback."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PACKAGED = "/usr/lib/postgresql"
OWNER = "postgres"  # the package makes this user; the server refuses to run as root
LIMIT = 60.0


class NoPostgres(Exception):
    """There is no PostgreSQL server here that could be started."""


@contextmanager
def postgres() -> Iterator[str]:
    """The URL of a fresh server that runs while the block does. Raises NoPostgres."""
    programs = _programs()
    # Not pytest's folder: another user has to reach it, and pytest's are closed to others.
    root = Path(tempfile.mkdtemp(prefix="saga-postgres-"))
    try:
        if os.geteuid() == 0:
            shutil.chown(root, OWNER)
        data, port = root / "data", _free_port()
        _run(programs / "initdb", "-D", data, "-U", "tester", "--auth=trust", "--no-sync", "-E", "UTF8", "--locale=C")
        options = f"-h 127.0.0.1 -p {port} -k '' -c max_connections=60"
        _run(programs / "pg_ctl", "-D", data, "-w", "-t", "30", "-l", root / "log", "-o", options, "start")
        try:
            yield f"postgresql://tester@127.0.0.1:{port}/postgres"
        finally:
            _run(programs / "pg_ctl", "-D", data, "-w", "-m", "immediate", "stop")
    finally:
        shutil.rmtree(root, ignore_errors=True)


def _programs() -> Path:
    found = sorted(Path(PACKAGED).glob("*/bin/initdb"), key=lambda path: int(path.parent.parent.name))
    if found:
        return found[-1].parent
    if path := shutil.which("initdb"):
        return Path(path).resolve().parent
    raise NoPostgres("no PostgreSQL server is installed (Debian's package `postgresql`)")


def _run(*command: object) -> None:
    as_owner = ["runuser", "-u", OWNER, "--"] if os.geteuid() == 0 else []
    if as_owner and shutil.which("runuser") is None:
        raise NoPostgres("PostgreSQL does not run as root, and `runuser` is not here")
    done = subprocess.run(
        [*as_owner, *map(str, command)], cwd="/", capture_output=True, text=True, timeout=LIMIT, check=False
    )
    if done.returncode:
        raise NoPostgres(f"{command[0]}: {done.stderr.strip()[-300:]}")


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port
