"""What commands have in common: the state folder, the output, and times as people write them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click
from rich.console import Console

from chaos.running_system import NoSystem, RunningSystem
from testbed.errors import Failure

DEFAULT_STATE = Path(".testbed")
F = TypeVar("F", bound=Callable[..., Any])


def state_option(command: F) -> F:
    """Adds --state; the command gets ``state``, an absolute path."""
    return click.option(
        "--state",
        type=click.Path(path_type=Path),
        default=DEFAULT_STATE,
        envvar="TESTBED_STATE",
        show_default=True,
        show_envvar=True,
        metavar="DIR",
        callback=lambda ctx, param, value: value.expanduser().resolve(),
        help="The folder of the system: its data, logs, secrets and addresses.",
    )(command)


def json_option(command: F) -> F:
    """Adds --json; the command gets ``as_json``."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON for programs; its form is stable.")(command)


def running_system(state: Path) -> RunningSystem:
    """The system of ``state``. Raises Failure, which says how to start one."""
    try:
        return RunningSystem.load(state)
    except NoSystem as missing:
        raise Failure(str(missing)) from None


def console() -> Console:
    """Where people read; plain text when it is not a terminal."""
    return Console(highlight=False, soft_wrap=True)


def print_json(value: object) -> None:
    """One JSON document on stdout."""
    click.echo(json.dumps(value, indent=2))
