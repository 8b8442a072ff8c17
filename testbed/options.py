"""What commands have in common: the state folder, the output, and times as people write them."""

from __future__ import annotations

import getpass
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click
from click.core import ParameterSource
from rich.console import Console

from backend.saga.limits import USER, USER_RULE
from chaos.running_system import SYSTEM_FILE, NoSystem, RunningSystem
from testbed.errors import Failure

DEFAULT_STATE = Path(".testbed")
OF_LOCAL_PROCESSES = frozenset({"up", "down", "backup", "restore"})
"""Commands that begin or end systems of local processes, and so never mean the one that docker compose runs."""
NOT_A_TERMINAL = 200  # characters in a line
F = TypeVar("F", bound=Callable[..., Any])


def state_option(command: F) -> F:
    """Adds --state; the command gets ``state``, an absolute path.

    When none was named, nothing runs in the usual one and docker compose runs a system, it is that system's folder.
    """
    return click.option(
        "--state",
        type=click.Path(path_type=Path),
        default=DEFAULT_STATE,
        envvar="TESTBED_STATE",
        show_default=True,
        show_envvar=True,
        metavar="DIR",
        callback=_chosen_state,
        help="The folder of the system: its data, logs, secrets and addresses.",
    )(command)


def _chosen_state(ctx: click.Context, param: click.Parameter, value: Path) -> Path:
    from testbed import compose

    state = value.expanduser().resolve()
    given = ctx.get_parameter_source(param.name or "") is not ParameterSource.DEFAULT
    if given or ctx.command.name in OF_LOCAL_PROCESSES or (state / SYSTEM_FILE).exists():
        return state
    return compose.adopt(state) or state


def json_option(command: F) -> F:
    """Adds --json; the command gets ``as_json``."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON for programs; its form is stable.")(command)


def user_option(command: F) -> F:
    """Adds --user; the command gets ``user``."""
    return click.option(
        "--user",
        default=_user_name,
        callback=check_user,
        metavar="NAME",
        help="In whose name the backend is called.  [default: you]",
    )(command)


def _user_name() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container may run under a number without a name
        return "operator"


def check_user(ctx: click.Context, param: click.Parameter, value: str) -> str:
    """A callback for names of users: a token for one whom the backend would refuse is wrong usage."""
    if not USER.fullmatch(value):
        raise click.BadParameter(f"a user has {USER_RULE}")
    return value


def check_project(ctx: click.Context, param: click.Parameter, value: str) -> str:
    """A callback for names of projects: what the backend would refuse is wrong usage."""
    from backend.distributed_saga import PROJECT_ID

    if not PROJECT_ID.fullmatch(value):
        raise click.BadParameter(f"{value!r} is not a name for a project: {PROJECT_ID.pattern}")
    return value


def written_file(ctx: click.Context, param: click.Parameter, value: Path | None) -> Path | None:
    """A callback for a file that is written at the end: where it cannot be is said before the work, not after it."""
    if value is not None and not os.access(value.absolute().parent, os.W_OK):
        raise click.BadParameter(f"there is no folder {value.absolute().parent} that can be written")
    return value


def running_system(state: Path) -> RunningSystem:
    """The system of ``state``. Raises Failure, which says how to start one."""
    try:
        return RunningSystem.load(state)
    except NoSystem as missing:
        raise Failure(str(missing)) from None


def console() -> Console:
    """Where people read; plain text, and wide enough for whole names, when it is not a terminal."""
    found = _Console(highlight=False)
    return found if found.is_terminal else _Console(highlight=False, width=NOT_A_TERMINAL)


class _Console(Console):
    def on_broken_pipe(self) -> None:
        """Says so to ``testbed.cli``; rich would exit with 1, which means invalid."""
        raise BrokenPipeError


def print_json(value: object) -> None:
    """One JSON document on stdout."""
    click.echo(json.dumps(value, indent=2))
