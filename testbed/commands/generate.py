"""`testbed generate`: start a generation, and watch it."""

from __future__ import annotations

import time
import uuid
from pathlib import Path

import click
from rich.console import Console

from chaos.experiments.client import DECIDED, Json
from testbed.api import Backend
from testbed.options import check_project, console, json_option, print_json, running_system, state_option, user_option
from testbed.saga_view import event_line, left_out, outcome

POLL = 0.15  # seconds


@click.command()
@click.argument("project", callback=check_project)
@click.option("--wait", is_flag=True, help="Show its steps until it is committed, rolled back or stuck.")
@click.option(
    "--on-busy",
    type=click.Choice(["wait", "reject"]),
    default="wait",
    show_default=True,
    help="When an open saga holds the project: wait for its turn, or be refused.",
)
@user_option
@state_option
@json_option
def generate(project: str, wait: bool, on_busy: str, user: str, state: Path, as_json: bool) -> None:
    """Generate the wiki of PROJECT from its documents and store it through a saga.

    Exit status: 0 started, with --wait: committed; 1 refused, rolled back or stuck.
    """
    backend = Backend(running_system(state), user)
    saga = backend.start(project, str(uuid.uuid4()), on_busy)
    if wait:
        saga = watch(backend, saga["saga_id"], None if as_json else console())
    if as_json:
        print_json(saga)
    elif wait:
        for line in left_out(saga):
            click.echo(line, err=True)
        click.echo(outcome(saga))
    else:
        click.echo(f"started {saga['saga_id']}; watch it with: {_show(backend, saga['saga_id'])}")
    raise SystemExit(0 if not wait or saga["state"] == "committed" else 1)


def watch(backend: Backend, saga_id: str, out: Console | None) -> Json:
    """Follow a saga until it is decided, each event a line on ``out``; returns its status."""
    if out is None:
        return _follow(backend, saga_id, None)
    with out.status(saga_id):
        try:
            return _follow(backend, saga_id, out)
        except KeyboardInterrupt:
            raise click.ClickException(f"the saga goes on without you: {_show(backend, saga_id)}") from None


def _show(backend: Backend, saga_id: str) -> str:
    return f"testbed sagas show {saga_id} --state {backend.state}"


def _follow(backend: Backend, saga_id: str, out: Console | None) -> Json:
    seen, began = 0, None
    while True:
        saga = backend.status(saga_id)
        for event in backend.events(saga_id, seen) if out else ():
            seen, began = event["seq"], began or event["at"]
            if out:
                out.print(event_line(event, began))
        if saga["state"] in DECIDED:
            return saga
        time.sleep(POLL)
