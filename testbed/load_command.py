"""`testbed load`: concurrent generations by Locust, faults meanwhile, an audit at the end."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
from rich.table import Table

from loadtests.ending import ENDING
from loadtests.faults import CHAOS
from loadtests.where import LOCUSTFILE, ROOT, SHAPES
from testbed.errors import Failure
from testbed.options import console, json_option, print_json, running_system, state_option

STOPPING = 90  # seconds that the last generations may take once the time is over


@click.command()
@click.option("--users", type=click.IntRange(1, 10_000), default=10, show_default=True, metavar="N")
@click.option("--time", "duration", default="15s", show_default=True, metavar="T", help="As 90s, 15m or 1h30m.")
@click.option("--chaos", type=click.Choice(["none", *CHAOS]), default="none", help="Faults that come and go meanwhile.")
@click.option(
    "--shape", type=click.Choice(sorted(SHAPES)), help="How the number of users changes; all at once without."
)
@click.option("--projects", type=click.IntRange(1), default=20, show_default=True, help="How many to spread over.")
@click.option("--seed", type=int, default=1, show_default=True, help="Repeats the users' choices and the faults.")
@click.option("--max-failure-rate", type=click.FloatRange(0, 1), help="Share of generations that may not commit.")
@click.option("--p99", type=click.FloatRange(0), help="Seconds that 99 % of the generations may take.")
@click.option("--orphans", type=click.IntRange(0), default=0, show_default=True, help="How many the audit may find.")
@click.option("--html", type=click.Path(dir_okay=False, path_type=Path), help="Locust's report.")
@click.option("--csv", metavar="PREFIX", help="Locust's statistics.")
@state_option
@json_option
def load(state: Path, as_json: bool, **given: Any) -> None:
    """Put the running system under load, heal it, wait for quiet, audit it.

    Exit status: 0 the audit is valid and every threshold is kept, 1 it is invalid or a threshold is broken, 2 unknown.
    """
    running_system(state)
    results = state / "evidence" / f"{time.strftime('%Y%m%dT%H%M%S', time.gmtime())}-load"
    results.mkdir(parents=True)
    with console().status(f"{given['users']} users for {given['duration']}, chaos: {given['chaos']}"):
        log = results / "locust.log"
        with log.open("wb") as output:
            status = subprocess.call(command(state, results, **given), cwd=ROOT, stdout=output, stderr=output)
    if not (results / ENDING).exists():
        raise Failure(f"Locust ended with status {status} and nothing was audited; see {log}")
    ending = json.loads((results / ENDING).read_text())
    if as_json:
        print_json(ending)
    else:
        _show(ending, results)
    raise SystemExit(status)


def command(
    state: Path,
    results: Path,
    *,
    users: int,
    duration: str,
    chaos: str,
    shape: str | None = None,
    html: Path | None = None,
    csv: str | None = None,
    **more: Any,
) -> list[str]:
    """Locust's command line; ``more`` are our own options (loadtests/options.py)."""
    files = ",".join(str(path) for path in (LOCUSTFILE, *([SHAPES[shape]] if shape else [])))
    words = [sys.executable, "-m", "locust", "-f", files, "--headless", "--only-summary"]
    words += ["--users", str(users), "--spawn-rate", str(users), "--run-time", duration]
    words += ["--stop-timeout", str(STOPPING), "--state", str(state), "--results", str(results), "--chaos", chaos]
    words += ["--html", str(html.absolute())] if html else []
    words += ["--csv", str(Path(csv).absolute())] if csv else []
    for name, value in more.items():
        words += [f"--{name.replace('_', '-')}", str(value)] if value is not None else []
    return words


def _show(ending: Mapping[str, Any], results: Path) -> None:
    out, figures, audit = console(), ending["figures"], ending["audit"]
    table = Table("", "count", "p50", "p95", "p99", title="load", title_justify="left")
    for name, prefix in (("generations", ""), ("rollbacks", "rollback_")):
        times = (_seconds(figures[f"{prefix}p{point}"]) for point in (50, 95, 99))
        table.add_row(name, str(figures[name]), *times)
    out.print(table)
    out.print(f"requests: {figures['requests']:,}, failed {figures['request_failures']:,}")
    states = ", ".join(f"{count:,} {state}" for state, count in audit["sagas"].items())
    out.print(f"sagas: {states}; dead letters: {audit['dead_letters']}; orphans: {sum(audit['orphans'].values())}")
    for threshold in ending["broken_thresholds"]:
        out.print(f"threshold: {threshold}", style="red")
    if audit["first_evidence"]:
        out.print(
            f"first evidence: {audit['first_evidence']['word']}: {audit['first_evidence']['evidence']}", style="red"
        )
    out.print(f"verdict: {audit['verdict']}; exit status {ending['exit_status']}; everything is in {results}")


def _seconds(value: float | None) -> str:
    return "" if value is None else f"{value:.2f} s"
