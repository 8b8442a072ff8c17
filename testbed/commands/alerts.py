"""`testbed alerts`: which figures call for somebody."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import click
from rich.table import Table
from rich.text import Text

from loadtests.alerts import WINDOW, exit_status, firing, look, rules
from testbed.api import Backend
from testbed.errors import CannotSee, Failure
from testbed.options import console, json_option, print_json, running_system, state_option, user_option

LONGEST = 31 * 86400  # seconds that the backend takes for a window
STATES = {True: Text("fires", style="red"), False: Text("quiet", style="green"), None: Text("unknown", style="yellow")}
PERCENT = frozenset({"success-rate"})
SECONDS = frozenset({"rollback-latency"})


@click.command()
@click.option(
    "--window",
    type=click.FloatRange(0, LONGEST, min_open=True),
    default=WINDOW,
    show_default=True,
    metavar="SECONDS",
    help="Sagas that were asked for in the last SECONDS.",
)
@click.option("--rules", "as_rules", is_flag=True, help="Print them as a rule file for Prometheus instead.")
@user_option
@state_option
@json_option
def alerts(window: float, as_rules: bool, user: str, state: Path, as_json: bool) -> None:
    """Hold the backend's statistics against the limits: success rate, rollback latency, stuck rollbacks and more.

    Exit status: 0 none fires, 1 some do, 2 it cannot be known: no answer, or nothing was decided in that time.
    """
    if as_rules:
        click.echo(rules(), nl=False)
        return
    try:
        statistics = Backend(running_system(state), user).statistics(window)
    except Failure as failure:
        raise CannotSee(failure.message) from None
    found = look(statistics)
    if as_json:
        print_json({"window": window, "firing": firing(found), "alerts": found, "statistics": statistics})
    else:
        console().print(table(found))
    raise SystemExit(exit_status(found))


def table(found: Iterable[Mapping[str, Any]]) -> Table:
    """The alerts, one line each."""
    drawn = Table("alert", "", "now", "limit", "fires when", title="alerts", title_justify="left")
    for alert in found:
        name = alert["name"]
        drawn.add_row(
            name, STATES[alert["fires"]], number(name, alert["value"]), number(name, alert["limit"]), alert["means"]
        )
    return drawn


def number(name: str, value: float | None) -> str:
    """An alert's value or limit with its unit."""
    if value is None:
        return "-"
    return f"{value:.1%}" if name in PERCENT else f"{value:.2f} s" if name in SECONDS else f"{value:g}"
