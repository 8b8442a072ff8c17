"""What commands have in common: the state folder, the output, and times as people write them."""

from __future__ import annotations

import getpass
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click
from rich.console import Console

from chaos.running_system import NoSystem, RunningSystem
from testbed.errors import Failure

DEFAULT_STATE = Path(".testbed")
NOT_A_TERMINAL = 200  # characters in a line
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


def user_option(command: F) -> F:
    """Adds --user; the command gets ``user``."""
    return click.option(
        "--user",
        default=_user_name,
        metavar="NAME",
        help="In whose name the backend is called.  [default: you]",
    )(command)


def _user_name() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container may run under a number without a name
        return "operator"


def check_project(ctx: click.Context, param: click.Parameter, value: str) -> str:
    """A callback for names of projects: what the backend would refuse is wrong usage."""
    from backend.distributed_saga import PROJECT_ID

    if not PROJECT_ID.fullmatch(value):
        raise click.BadParameter(f"{value!r} is not a name for a project: {PROJECT_ID.pattern}")
    return value


def running_system(state: Path) -> RunningSystem:
    """The system of ``state``. Raises Failure, which says how to start one."""
    try:
        return RunningSystem.load(state)
    except NoSystem as missing:
        raise Failure(str(missing)) from None


def console() -> Console:
    """Where people read; plain text, and wide enough for whole names, when it is not a terminal."""
    found = Console(highlight=False)
    return found if found.is_terminal else Console(highlight=False, width=NOT_A_TERMINAL)


def print_json(value: object) -> None:
    """One JSON document on stdout."""
    click.echo(json.dumps(value, indent=2))
