"""`testbed sagas`: look at sagas, and steer those that are stuck."""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice
from pathlib import Path

import click

from backend.saga.limits import REASON, REASON_AT_LEAST
from backend.saga.state import SagaState
from testbed.api import Backend
from testbed.options import console, json_option, print_json, running_system, state_option, user_option
from testbed.saga_view import event_line, left_out, outcome, saga_table, step_table, without_promise


@click.group()
def sagas() -> None:
    """List and show sagas; retry, skip or cancel one.

    Exit status of each: 0 done, 1 there is no such saga, or its state does not allow it, 2 wrong usage.
    """


@sagas.command("list")
@click.option("--project", metavar="ID", help="Only those of this project.")
@click.option(
    "--in", "in_state", type=click.Choice([str(state) for state in SagaState]), help="Only those in this state."
)
@click.option("--limit", type=click.IntRange(1), default=50, show_default=True, metavar="N", help="The newest N.")
@user_option
@state_option
@json_option
def list_sagas(project: str | None, in_state: str | None, limit: int, user: str, state: Path, as_json: bool) -> None:
    """List sagas, the newest first."""
    found = list(islice(Backend(running_system(state), user).sagas(project, in_state), limit))
    if as_json:
        print_json({"sagas": found})
    elif found:
        console().print(saga_table(found))
    else:
        click.echo("no sagas")


@sagas.command()
@click.argument("saga_id")
@user_option
@state_option
@json_option
def show(saga_id: str, user: str, state: Path, as_json: bool) -> None:
    """Show one saga: its steps, and everything that happened to it."""
    backend = Backend(running_system(state), user)
    saga, events = backend.status(saga_id), backend.events(saga_id)
    if as_json:
        print_json({"saga": saga, "events": events})
        return
    out = console()
    out.print(outcome(saga), markup=False)
    for line in left_out(saga):
        out.print(line, markup=False)
    if saga["steps"]:
        out.print(step_table(saga))
    for event in without_promise(saga, events):
        out.print(event_line(event, events[0]["at"]))


def _check_reason(ctx: click.Context, param: click.Parameter, value: str) -> str:
    reason = value.strip()
    if not REASON_AT_LEAST <= len(reason) <= REASON:
        raise click.BadParameter(f"a reason has {REASON_AT_LEAST} to {REASON} characters, not {len(reason)}")
    return reason


def _operator(verb: str, help_text: str) -> Callable[..., None]:
    """A command that an operator gives; the reason and the name are recorded with it (R10)."""

    @sagas.command(verb, help=help_text)
    @click.argument("saga_id")
    @click.option("--reason", required=True, callback=_check_reason, help="Why; recorded in the saga's history.")
    @click.option("--by", metavar="NAME", help="Who asks; recorded too.  [default: you]")
    @click.option("--dry-run", is_flag=True, help="Only say what would be done.")
    @user_option
    @state_option
    @json_option
    def command(
        saga_id: str, reason: str, by: str | None, dry_run: bool, user: str, state: Path, as_json: bool
    ) -> None:
        backend = Backend(running_system(state), user)
        answer = backend.operate(saga_id, verb, reason, by=by or user, dry_run=dry_run)
        if as_json:
            print_json(answer)
        else:
            done = f"would {answer['would']}" if dry_run else f"{verb} is recorded; {outcome(answer)}"
            click.echo(f"{done}; it takes effect {answer['takes_effect']}" if "takes_effect" in answer else done)

    return command


retry = _operator("retry", "Let a saga whose rollback is stuck try again, now.")
skip = _operator("skip", "Give up undoing the step at which a rollback is stuck, and undo the others.")
cancel = _operator("cancel", "Roll a saga back that is not decided yet.")
