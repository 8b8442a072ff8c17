"""A PostgreSQL server of our own, from the package: in a temporary folder, on a free port of loopback."""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

PACKAGED = "/usr/lib/postgresql"
OWNER = "postgres"  # the package makes this user; the server refuses to run as root
USER = "tester"
LIMIT = 60.0


class NoPostgres(Exception):
    """There is no PostgreSQL server here that could be started."""


@dataclass(frozen=True)
class Postgres:
    """A running server.

    Attributes:
        password: of the user ``tester``, whom the server asks for it.
    """

    programs: Path
    root: Path
    port: int
    password: str

    def url(self, database: str = "postgres") -> str:
        """With the password, as a user would write it."""
        return f"postgresql://{USER}:{self.password}@127.0.0.1:{self.port}/{database}"

    def create(self, database: str) -> str:
        """An empty database; its URL."""
        command = ["createdb", "-h", "127.0.0.1", "-p", str(self.port), "-U", USER, database]
        subprocess.run(
            [str(self.programs / command[0]), *command[1:]],
            env=os.environ | {"PGPASSWORD": self.password},
            check=True,
            timeout=LIMIT,
        )
        return self.url(database)

    def restart(self, mode: str) -> None:
        """``immediate`` is what a crash is: no commit that was not forced survives it."""
        self._control("-m", mode, "-o", self._options, "restart")

    def start(self) -> None:
        self._control("-o", self._options, "start")

    def stop(self, mode: str = "immediate") -> None:
        self._control("-m", mode, "stop")

    @property
    def _options(self) -> str:
        # What is not forced stays in memory for as long as can be, so that a crash loses it for certain.
        return f"-h 127.0.0.1 -p {self.port} -k '' -c max_connections=60 -c wal_writer_delay=10s"

    def _control(self, *arguments: str) -> None:
        log = self.root / "log"
        _run(self.programs / "pg_ctl", "-D", self.root / "data", "-w", "-t", "30", "-l", log, *arguments)


@contextmanager
def postgres_server() -> Iterator[Postgres]:
    """A fresh server that runs while the block does. Raises NoPostgres."""
    programs = _programs()
    # Not pytest's folder: another user has to reach it, and pytest's are closed to others.
    root = Path(tempfile.mkdtemp(prefix="saga-postgres-"))
    try:
        server = Postgres(programs, root, _free_port(), secrets.token_hex(12))
        password = root / "password"
        password.write_text(server.password)
        if os.geteuid() == 0:
            shutil.chown(root, OWNER)
            shutil.chown(password, OWNER)
        how = ("--auth=scram-sha-256", f"--pwfile={password}", "--no-sync", "-E", "UTF8", "--locale=C")
        _run(programs / "initdb", "-D", root / "data", "-U", USER, *how)
        server.start()
        try:
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(root, ignore_errors=True)


@contextmanager
def server_or_skip() -> Iterator[Postgres]:
    """The same for tests, which are skipped where there is none."""
    with ExitStack() as stack:
        try:
            server = stack.enter_context(postgres_server())
        except NoPostgres as missing:
            pytest.skip(str(missing))
        yield server


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
