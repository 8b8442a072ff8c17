"""What the testbed does with the PostgreSQL database of a saga log, besides running on it."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

from sqlalchemy.engine import make_url

from chaos.auditor.collectors.log_database import libpq_url
from testbed.errors import Failure

PACKAGED = "/usr/lib/postgresql"  # where Debian keeps the programs of each version
TABLES = ("events", "sagas", "spared", "meta")
CONNECT_SECONDS = 5


def described(url: str) -> str:
    """The URL as people may see it."""
    return make_url(url).render_as_string(hide_password=True)


def first_line(error: Exception) -> str:
    """What a driver complains about, in short."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def drop_log(url: str) -> None:
    """Remove the saga log from the database. Raises Failure."""
    import psycopg

    try:
        with psycopg.connect(libpq_url(url), connect_timeout=CONNECT_SECONDS) as connection:
            connection.execute(f"DROP TABLE IF EXISTS {', '.join(TABLES)}")
    except psycopg.Error as error:
        raise Failure(f"the saga log at {described(url)} cannot be emptied: {first_line(error)}") from None


def holds_a_log(url: str) -> bool:
    """Whether there is a saga log in the database. Raises Failure when it cannot be reached."""
    import psycopg

    try:
        with psycopg.connect(libpq_url(url), connect_timeout=CONNECT_SECONDS) as connection:
            found = connection.execute("SELECT to_regclass('sagas') IS NOT NULL").fetchone()
    except psycopg.Error as error:
        raise Failure(f"the database {described(url)} cannot be reached: {first_line(error)}") from None
    return bool(found and found[0])


def dump(url: str, path: Path) -> None:
    """The saga log of one moment, as ``pg_dump`` writes it for ``pg_restore``. Raises Failure."""
    tables = [f"--table={name}" for name in TABLES]
    _run("pg_dump", url, "--format=custom", "--no-owner", "--no-privileges", *tables, f"--file={path}")


def restore(url: str, path: Path) -> None:
    """The other way round, all or nothing, into a database that holds no log. Raises Failure."""
    _run("pg_restore", url, "--no-owner", "--no-privileges", "--single-transaction", "--exit-on-error", str(path))


def _run(program: str, url: str, *arguments: str) -> None:
    """The password goes by the environment: what is on a command line everybody sees."""
    where = make_url(libpq_url(url))
    environment: dict[str, Any] = dict(os.environ)
    if where.password is not None:
        environment["PGPASSWORD"] = str(where.password)
    bare = where.set(password=None).render_as_string(hide_password=False)
    done = subprocess.run(
        [_program(program), f"--dbname={bare}", *arguments],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise Failure(f"{program} of {described(url)} failed: {done.stderr.strip()[-500:]}")


def _program(name: str) -> str:
    """The newest one of those that are there: it must not be older than the server."""
    packaged = sorted(Path(PACKAGED).glob(f"*/bin/{name}"), key=lambda path: _version(path.parent.parent.name))
    found = str(packaged[-1]) if packaged else shutil.which(name)
    if found is None:
        raise Failure(f"there is no {name}: install PostgreSQL's client programs (Debian: postgresql-client)")
    return found


def _version(text: str) -> int:
    return int(text) if text.isdecimal() else 0
