"""`testbed kill`: signal one process of a running system."""

from __future__ import annotations

import signal
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import click

from chaos.compose_project import ComposeProject
from testbed import compose, supervisor
from testbed.options import running_system, state_option

DONE: Mapping[str, str] = MappingProxyType(
    {"KILL": "was killed", "TERM": "was stopped", "STOP": "is halted", "CONT": "goes on"}
)


@click.command()
@click.argument("name")
@click.option("--signal", "word", type=click.Choice(list(DONE)), default="KILL", show_default=True)
@state_option
def kill(name: str, word: str, state: Path) -> None:
    """Signal the process NAME and all that it started; after KILL and TERM, return when they are gone.

    Exit status: 0 done, 1 it does not run, or there is no such process.
    """
    running_system(state)
    if project := ComposeProject.of(state):
        compose.signal(project, name, word)
        click.echo(f"{name} {DONE[word]}")
        return
    pid = supervisor.kill(state, name, getattr(signal, f"SIG{word}"))
    click.echo(f"{name} (pid {pid}) {DONE[word]}")
