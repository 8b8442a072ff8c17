"""`testbed start`: start one process of a running system again."""

from __future__ import annotations

from pathlib import Path

import click

from testbed import supervisor
from testbed.options import running_system, state_option


@click.command()
@click.argument("name")
@state_option
def start(name: str, state: Path) -> None:
    """Start the process NAME again, exactly as it was started before, and wait until it answers.

    Exit status: 0 it answers, 1 it runs already, did not come up, or there is no such process.
    """
    running_system(state)
    pid = supervisor.start(state, name)
    click.echo(f"{name} runs (pid {pid})")
