"""`testbed token`: print a token."""

from __future__ import annotations

from pathlib import Path

import click

from service_kit.tokens import ANY_PROJECT
from testbed.options import check_user, running_system, state_option


@click.command()
@click.option("--user", required=True, callback=check_user, metavar="NAME", help="Whom the token stands for.")
@click.option("--project", default=ANY_PROJECT, metavar="ID", help="The one project it may touch.  [default: all]")
@click.option("--internal", is_flag=True, help="For X-INTERNAL-TOKEN, between services (5 minutes).")
@state_option
def token(user: str, project: str, internal: bool, state: Path) -> None:
    """Print a token for the backend (24 hours): send it as `Authorization: Bearer TOKEN`.

    Exit status: 0 printed, 1 there is no system, 2 nobody can be called that.
    """
    system = running_system(state)
    click.echo(system.internal_token(project, user) if internal else system.user_token(user, project))
