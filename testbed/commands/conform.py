"""`testbed conform`: is this HTTP service, in whatever language, safe to be called by a saga?"""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Any

import click

from chaos.conform.run import ROUNDS, TIMEOUT, conform, names
from chaos.conform.spec import BadSpec, Spec, load, profiles
from testbed.commands.conform_shell import preflight, restarter, tokens_of
from testbed.commands.conform_view import View
from testbed.options import console, json_option, print_json, state_option


@click.command("conform")
@click.argument("url")
@click.option("--profile", metavar="NAME", help=f"A description that comes with it: {', '.join(profiles())}.")
@click.option(
    "--spec",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="A description of your own, in YAML, as the profiles are.",
)
@click.option("--action", metavar="CALL", help='Such as: POST /rooms {"saga_id": "{saga_id}", "room": "{item}"}')
@click.option("--compensation", metavar="CALL", help="Such as: DELETE /rooms/{item}")
@click.option("--confirm", metavar="CALL", help="The saga is committed.")
@click.option("--observe", metavar="CALL", multiple=True, help="What a reader reads. May be given more than once.")
@click.option("--prepare", metavar="CALL", multiple=True, help="Sent before the first action on an item.")
@click.option("--cleanup", metavar="CALL", multiple=True, help="Sent for every item at the end.")
@click.option("--header", "headers", metavar="NAME:VALUE", multiple=True, help="Sent along; an empty value drops one.")
@click.option("--set", "variables", metavar="NAME=VALUE", multiple=True, help="A placeholder of your own.")
@click.option("--ignore", metavar="FIELD", multiple=True, help="A field of JSON answers that is not compared.")
@click.option("--locks", is_flag=True, help="It claims to refuse a second saga on what an open one wrote.")
@click.option("--token-command", metavar="COMMAND", help="Prints a token for {project}.")
@click.option("--token-header", metavar="NAME", help="Where the token goes.  [default: X-INTERNAL-TOKEN]")
@click.option("--restart-command", metavar="COMMAND", help="Restarts the server; returns when it was started.")
@click.option("--rounds", type=click.IntRange(1), default=ROUNDS, show_default=True, help="Of each race.")
@click.option("--seed", type=int, default=1, show_default=True, help="Chooses values and interleavings.")
@click.option("--prefix", metavar="NAME", help="Of every name that is made there; use each once.  [default: a new one]")
@click.option("--only", metavar="CHECK", multiple=True, help="Only this check. May be given more than once.")
@click.option("--skip", metavar="CHECK", multiple=True, help="Not this check. May be given more than once.")
@click.option(
    "--timeout", type=click.FloatRange(0, min_open=True), default=TIMEOUT, show_default=True, metavar="SECONDS"
)
@state_option
@json_option
def conform_command(
    url: str,
    profile: str | None,
    spec: Path | None,
    rounds: int,
    seed: int,
    prefix: str | None,
    only: tuple[str, ...],
    timeout: float,
    state: Path,
    as_json: bool,
    **said: Any,
) -> None:
    """Hold the participant at URL against every rule that a saga needs: repeats, late and early calls, races, tokens.

    It needs to know how an action, its compensation and an observation look, with the placeholders {saga_id}, {item},
    {value}, {key} and {project}. docs/conform.md has examples.

    Exit status: 0 valid, 1 invalid, 2 unknown: something could not be seen, or the description cannot be used.
    """
    described = _described(url, profile, spec, said, only)
    prefix = prefix or f"conform-{secrets.token_hex(4)}"
    tokens = tokens_of(described.token_command, state)
    preflight(url, lambda: tokens(prefix))
    view = View(console(), quiet=as_json)
    with view:
        report = conform(
            url,
            described,
            prefix=prefix,
            tokens=tokens,
            restart=restarter(described.restart_command, url, state),
            seed=seed,
            rounds=rounds,
            timeout=timeout,
            only=only,
            on_start=view.start,
            on_result=view.result,
        )
    if as_json:
        print_json(report.to_json())
    else:
        view.end(report)
    raise SystemExit(report.exit_status)


def _described(url: str, profile: str | None, file: Path | None, said: dict[str, Any], only: tuple[str, ...]) -> Spec:
    """What the user said, checked. Raises click.UsageError."""
    if not url.startswith(("http://", "https://")):
        raise click.BadParameter(f"{url!r} must start with http:// or https://", param_hint="URL")
    for name in {*only, *said["skip"]} - {*names()}:
        raise click.UsageError(f"there is no check {name!r}; there are: {', '.join(names())}")
    said["headers"] = dict(_pair(text, ":", "--header") for text in said["headers"])
    said["variables"] = dict(_pair(text, "=", "--set") for text in said["variables"])
    try:
        return load(profile, file, said)
    except BadSpec as bad:
        raise click.UsageError(f"the description of the server cannot be used:\n{bad}") from None


def _pair(text: str, sign: str, option: str) -> tuple[str, str]:
    name, found, value = text.partition(sign)
    if not found or not name.strip():
        raise click.UsageError(f"{option} {text!r} is not of the form NAME{sign}VALUE")
    return name.strip(), value.strip()
