"""`testbed load`: concurrent generations by Locust, faults meanwhile, an audit at the end."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NoReturn

import click
from rich.table import Table

from loadtests.alerts import firing
from loadtests.ending import ENDING
from loadtests.faults import CHAOS
from loadtests.where import LOCUSTFILE, ROOT, SHAPES
from testbed.errors import Failure
from testbed.options import console, json_option, print_json, running_system, state_option, written_file

FILE = click.Path(dir_okay=False, path_type=Path)
LIMIT_P99 = 5.0  # seconds
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
@click.option("--rollback-p99", type=click.FloatRange(0), help="Seconds that 99 % of the rollbacks may take.")
@click.option("--orphans", type=click.IntRange(0), default=0, show_default=True, help="How many the audit may find.")
@click.option("--max-alerts", type=click.IntRange(0), help="How many alerts may fire when there are no faults.")
@click.option("--html", type=FILE, callback=written_file, help="Locust's report.")
@click.option("--csv", metavar="PREFIX", help="Locust's statistics.")
@click.option("--save", type=FILE, callback=written_file, help="The outcome as JSON, besides the words.")
@click.option("--find-limit", is_flag=True, help="Again and again, with half as many users more each time.")
@state_option
@json_option
def load(state: Path, as_json: bool, find_limit: bool, save: Path | None, **given: Any) -> None:
    """Put the running system under load, heal it, wait for quiet, audit it.

    With --find-limit it begins with --users and goes on until a generation fails or a threshold breaks (--p99 is 5
    seconds then, unless given); the highest load that held is the answer.

    Exit status: 0 the audit is valid and every threshold is kept, 1 it is invalid or a threshold is broken, 2 unknown;
    with --find-limit 0 when the first load held.
    """
    running_system(state)
    if find_limit:
        _find_limit(state, as_json, save, given)
    ending, results = _run(state, given)
    if save:
        save.write_text(json.dumps(ending, indent=1))
    if as_json:
        print_json(ending)
    else:
        _show(ending, results)
    raise SystemExit(ending["exit_status"])


def _find_limit(state: Path, as_json: bool, save: Path | None, given: dict[str, Any]) -> NoReturn:
    given |= {"p99": given["p99"] or LIMIT_P99, "max_failure_rate": given["max_failure_rate"] or 0.0}
    table = Table("users", "generations/s", "p50", "p99", "not committed", "", title="load", title_justify="left")
    held: list[dict[str, Any]] = []
    while (ending := _run(state, given)[0])["exit_status"] == 0:
        held.append({"users": given["users"], **ending["figures"]})
        table.add_row(*_limit_row(given["users"], ending))
        given["users"] += max(1, given["users"] // 2)
    table.add_row(*_limit_row(given["users"], ending))
    limit = held[-1] if held else None
    found = {"limit": limit, "broken_by": {"users": given["users"], **ending}}
    if save:
        save.write_text(json.dumps(found, indent=1))
    if as_json:
        print_json(found)
    else:
        console().print(table)
        console().print(
            f"the highest load that held: {limit['users']} users" if limit else "not even the first load held"
        )
    raise SystemExit(0 if held else ending["exit_status"])


def _limit_row(users: int, ending: Mapping[str, Any]) -> tuple[str, ...]:
    figures, broken = ending["figures"], ending["broken_thresholds"]
    rate = f"{figures['failure_rate'] or 0:.1%}"
    what = "; ".join(broken) or ("held" if ending["exit_status"] == 0 else f"audit: {ending['audit']['verdict']}")
    speed = str(figures["generations_a_second"])
    return str(users), speed, _seconds(figures["p50"]), _seconds(figures["p99"]), rate, what


def _run(state: Path, given: Mapping[str, Any]) -> tuple[dict[str, Any], Path]:
    """One load test; how it ended, and the folder that it left. Raises Failure."""
    results = state / "evidence" / f"{time.strftime('%Y%m%dT%H%M%S', time.gmtime())}-load"
    results.mkdir(parents=True)
    with console().status(f"{given['users']} users for {given['duration']}, chaos: {given['chaos']}"):
        log = results / "locust.log"
        status = _locust(command(state, results, **given), log, state)
    if not (results / ENDING).exists():
        raise Failure(f"Locust ended with status {status} and nothing was audited; see {log}")
    found: dict[str, Any] = json.loads((results / ENDING).read_text())
    return found, results


def _locust(words: list[str], log: Path, state: Path) -> int:
    """Run Locust; its exit status. Of Ctrl-C only this process hears, so that the faults are healed, not cut off."""
    with (
        log.open("wb") as output,
        subprocess.Popen(words, cwd=ROOT, stdout=output, stderr=output, start_new_session=True) as locust,
    ):
        try:
            return locust.wait()
        except KeyboardInterrupt:
            click.echo("ending the load and healing its faults ...", err=True)
            locust.terminate()
            locust.wait()
            click.echo(f"nothing was judged; next: testbed audit --state {state}", err=True)
            raise


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
    out.print(_latencies(figures))
    for line in summary(ending):
        out.print(line)
    for threshold in ending["broken_thresholds"]:
        out.print(f"threshold: {threshold}", style="red")
    if audit["first_evidence"]:
        out.print(
            f"first evidence: {audit['first_evidence']['word']}: {audit['first_evidence']['evidence']}", style="red"
        )
    out.print(f"verdict: {audit['verdict']}; exit status {ending['exit_status']}; everything is in {results}")


def _latencies(figures: Mapping[str, Any]) -> Table:
    table = Table("", "count", "p50", "p95", "p99", title="load", title_justify="left")
    for name, prefix in (("generations", ""), ("rollbacks", "rollback_")):
        times = (_seconds(figures[f"{prefix}p{point}"]) for point in (50, 95, 99))
        table.add_row(name, str(figures[name]), *times)
    return table


def summary(ending: Mapping[str, Any]) -> Iterator[str]:
    """What was held and survived, one line each."""
    figures, audit = ending["figures"], ending["audit"]
    held = f"{figures['users']} users on {figures['projects']} projects"
    yield f"load held: {held}, {figures['generations_a_second']} generations/s"
    failed, later = figures["request_failures"], figures["turned_away"]
    yield f"requests: {figures['requests']:,}, failed {failed:,}; told to come back later (429): {later:,}"
    if faults := figures["faults"]:
        kinds = ", ".join(f"{count} {name}" for name, count in sorted(faults.items()))
        yield f"faults survived: {sum(faults.values())} ({kinds}); kills: {faults.get('kill', 0)}"
    states = ", ".join(f"{count:,} {state}" for state, count in audit["sagas"].items())
    yield f"alerts that fire: {', '.join(firing(ending['alerts'])) or 'none'}"
    yield f"sagas: {states}; dead letters: {audit['dead_letters']}; orphans: {sum(audit['orphans'].values())}"


def _seconds(value: float | None) -> str:
    return "" if value is None else f"{value:.2f} s"
