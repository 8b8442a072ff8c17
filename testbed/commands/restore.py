"""`testbed restore`: a system from its backup."""

from __future__ import annotations

import os
from pathlib import Path

import click

from chaos.running_system import SAGA_LOG_URL
from testbed.options import state_option
from testbed.restore import restore as make


@click.command()
@click.argument("folder", metavar="DIR", type=click.Path(exists=True, file_okay=False, path_type=Path))
@state_option
def restore(folder: Path, state: Path) -> None:
    """Make a fresh state folder from the backup in DIR.

    A backup of a PostgreSQL log goes into the empty database that SAGA_LOG_URL names. The keys are new: tokens from
    before are void.

    Exit status: 0 made, 1 DIR is no whole backup, 2 the state folder is not fresh, or the database is not empty.
    """
    found = make(folder.expanduser().absolute(), state, os.environ.get(SAGA_LOG_URL) or None)
    click.echo(f"{state}: {found.files:,} files; {found.open_sagas} open sagas end once the system runs")
    click.echo(f"next: testbed up --state {state}, then testbed audit --state {state}")
