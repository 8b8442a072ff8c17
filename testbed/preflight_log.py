"""Whether a saga log in PostgreSQL can be used, looked at before anything is started."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from typing import Any

from backend.saga_log.dialect import SERVER, SQLite, dialect_of
from chaos.auditor.collectors.log_database import libpq_url
from chaos.running_system import SAGA_LOG_URL, saga_log_of
from testbed.layout import Layout
from testbed.postgres import CONNECT_SECONDS, described, first_line

AT_LEAST = 12  # older ones are out of their makers' support
DRIVER = "psycopg"
_RIGHTS = """SELECT current_setting('server_version_num')::int / 10000 AS version, current_database() AS name,
    pg_is_in_recovery() AS standby, current_schema() AS schema,
    coalesce(has_schema_privilege(current_schema(), 'CREATE'), false) AS may_create,
    to_regclass('sagas') IS NOT NULL AS there"""


def saga_log(layout: Layout) -> Iterator[str]:
    """Every obstacle that the saga log is; none for a SQLite file, which the state folder's own check covers."""
    url = layout.saga_log_url
    if url is None:
        return
    if problem := _not_a_database(url):
        yield problem
    elif find_spec(DRIVER) is None:
        yield f"{SAGA_LOG_URL} needs the driver of PostgreSQL, which is missing: pip install 'saga-testbed[postgres]'"
    elif saga_log_of(layout.state) == layout.saga_log and layout.saga_log.exists():
        yield (
            f"the sagas of {layout.state} are in {layout.saga_log}, and with the log of {SAGA_LOG_URL} all that they"
            " did would be orphans: choose another state folder with --state, or unset the variable"
        )
    else:
        yield from _database(layout, url)


def _not_a_database(url: str) -> str | None:
    """Never shows the URL: it may hold a password."""
    try:
        if not isinstance(dialect_of(url), SQLite):
            return None
    except ValueError:
        pass
    return (
        f"{SAGA_LOG_URL} is no URL of a PostgreSQL database: write {SERVER}, or unset it: a SQLite log needs"
        " none, it is a file in the state folder"
    )


def _database(layout: Layout, url: str) -> Iterator[str]:
    import psycopg
    from psycopg.rows import dict_row

    where = described(url)
    try:
        with psycopg.connect(libpq_url(url), connect_timeout=CONNECT_SECONDS, row_factory=dict_row) as connection:
            found: dict[str, Any] = connection.execute(_RIGHTS).fetchone() or {}
            taken = connection.execute("SELECT count(*) AS n FROM sagas").fetchone() if found["there"] else None
    except psycopg.Error as error:
        yield (
            f"the saga log at {where} cannot be used ({first_line(error)}): start the server, make the database with"
            f" createdb, or mend {SAGA_LOG_URL}"
        )
        return
    if found["version"] < AT_LEAST:
        yield f"the PostgreSQL at {where} is version {found['version']}: use {AT_LEAST} or newer"
    if found["standby"]:
        yield f"the PostgreSQL at {where} is a standby, which takes no writes: name the primary in {SAGA_LOG_URL}"
    elif not found["may_create"] and not found["there"]:
        schema = found["schema"] or "public"
        yield f"the user of {where} may not make tables there: GRANT CREATE ON SCHEMA {schema} TO that user"
    if taken and taken["n"] and saga_log_of(layout.state) == layout.saga_log:
        yield (
            f"the log at {where} holds {taken['n']} sagas of another state folder, whose files are not in"
            f" {layout.state}: use an empty database (createdb NAME), or the state folder that belongs to it"
        )
