"""`testbed start`: start one process of a running system again."""

from __future__ import annotations

from pathlib import Path

import click

from chaos.compose_project import ComposeProject
from chaos.experiments import mounts
from testbed import compose, supervisor
from testbed.errors import Failure
from testbed.options import running_system, state_option


@click.command()
@click.argument("name")
@click.option("--own-mounts", is_flag=True, help="With mounts of its own, so that its disk can be made read-only.")
@state_option
def start(name: str, own_mounts: bool, state: Path) -> None:
    """Start the process NAME again, as it was started before, and wait until it answers.

    Exit status: 0 it answers, 1 it runs already, did not come up, there is no such process, or this machine does not
    let it have mounts of its own.
    """
    running_system(state)
    if project := ComposeProject.of(state):
        compose.start(project, name, own_mounts=own_mounts)
        click.echo(f"{name} runs")
        return
    try:
        pid = supervisor.start(state, name, behind=mounts.own_mounts() if own_mounts else ())
    except mounts.NoMounts as error:
        raise Failure(str(error)) from None
    click.echo(f"{name} runs (pid {pid})")
