"""`testbed down`: stop a system."""

from __future__ import annotations

from pathlib import Path

import click

from testbed import supervisor
from testbed.options import state_option


@click.command()
@state_option
def down(state: Path) -> None:
    """Stop the system and leave no process; its data stays.

    Every process gets 10 seconds after TERM, then KILL. Stopping what does not run is no error.

    Exit status: 0 nothing runs any more.
    """
    stopped = supervisor.down(state)
    click.echo(f"stopped {', '.join(sorted(stopped))}" if stopped else f"nothing was running in {state}")
