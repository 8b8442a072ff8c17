"""`testbed explore`: every fault at every call, and the shortest way to each bug."""

from __future__ import annotations

import json
import os
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from chaos.auditor.report import EXIT_STATUS
from chaos.explorer.exploration import explore, explore_at_random
from chaos.explorer.record import Report, Tell
from chaos.explorer.registry import OWN, NoSuchScenario, scenario_of
from chaos.explorer.report import coverage, save, to_json
from chaos.explorer.story import story
from testbed.errors import CannotStart, Failure
from testbed.options import console, json_option, print_json, written_file

FOUND = Path("exploration")


@click.command("explore")
@click.option(
    "--faults", type=click.IntRange(0, 4), default=1, show_default=True, metavar="K", help="All with up to K faults."
)
@click.option("--random", "count", type=click.IntRange(1), metavar="N", help="Instead, N random ones, deeper.")
@click.option("--seed", type=int, metavar="S", help="Of --random; repeats it exactly.  [default: 1]")
@click.option(
    "--saga",
    metavar="NAME",
    help=f"What is explored: {', '.join(OWN)}, or package.module:factory.  [default: wiki; with --random wiki-crowd]",
)
@click.option(
    "--processes",
    type=click.IntRange(1, 64),
    default=lambda: min(os.cpu_count() or 1, 8),
    metavar="N",
    help="How many share the work.  [default: one for each core]",
)
@click.option("--stop-at-first", is_flag=True, help="End with the first counterexample.")
@click.option(
    "--report",
    type=click.Path(dir_okay=False, path_type=Path),
    callback=written_file,
    metavar="FILE",
    help="Write the report as JSON.",
)
@json_option
def explore_command(
    faults: int,
    count: int | None,
    seed: int | None,
    saga: str | None,
    processes: int,
    stop_at_first: bool,
    report: Path | None,
    as_json: bool,
) -> None:
    """Run the saga under every fault at every call and durable write, under virtual time, and judge the world.

    Each counterexample is shrunk until nothing can be taken away, told as a story, and saved as a schedule for
    `testbed replay`, with a page that draws it.

    Exit status: 0 valid, 1 invalid: a counterexample was found, 2 unknown, wrong usage, or nothing could be saved, 130
    interrupted.
    """
    if seed is not None and not count:
        raise click.UsageError("--seed is of --random N: without it nothing is left to chance")
    try:
        scenario = scenario_of(saga or ("wiki-crowd" if count else "wiki"))
    except NoSuchScenario as error:
        raise click.UsageError(str(error)) from None
    folder = _folder(report)
    out = Console(quiet=True) if as_json else console()
    with _progress(out) as tell:
        if count:
            of = 1 if seed is None else seed
            found = explore_at_random(
                scenario, count=count, seed=of, processes=processes, tell=tell, stop_at_first=stop_at_first
            )
        else:
            found = explore(scenario, faults=faults, processes=processes, tell=tell, stop_at_first=stop_at_first)
    if report is not None:
        _write(report, found)
    saved = save(found, folder) if found.minimal else []
    if as_json:
        print_json(to_json(found) | {"saved": [str(path) for path in saved]})
    else:
        _say(out, found, saved)
    raise SystemExit(EXIT_STATUS[found.verdict])


def _folder(report: Path | None) -> Path:
    """Where counterexamples are saved. What is in their way is said before the work, not after it."""
    folder = report.with_suffix("") if report is not None else FOUND
    if folder == report:
        raise CannotStart([f"{folder} would be the report and the folder of its schedules: call it {folder}.json"])
    if os.path.lexists(folder) and not folder.is_dir():
        raise CannotStart(
            [f"{folder} is no folder, and schedules are saved in it: move it, or give --report FILE.json"]
        )
    if not os.access(folder if folder.is_dir() else folder.absolute().parent, os.W_OK | os.X_OK):
        raise CannotStart([f"no schedule can be saved in {folder}: let it be written, or give --report FILE.json"])
    return folder


def _write(path: Path, found: Report) -> None:
    try:
        path.write_text(json.dumps(to_json(found), indent=2) + "\n")
    except OSError as error:
        raise Failure(f"the report cannot be written: {error}") from None


def _say(out: Console, found: Report, saved: list[Path]) -> None:
    for run in found.minimal:
        out.print(story(run), markup=False, highlight=False)
        out.print()
    for line in coverage(found):
        out.print(line, markup=False, highlight=False, style="dim")
    colour = {"valid": "green", "invalid": "red"}.get(found.verdict, "yellow")
    out.print(
        f"[{colour}]{found.verdict}[/]: {found.runs:,} schedules of {found.scenario}, {found.invalid} invalid, "
        f"{found.unknown} unknown, {found.seconds:.1f} s"
    )
    for path in saved:
        out.print(f"testbed replay {path}   (drawn: {path.with_suffix('.html')})", markup=False, highlight=False)
    for why in sorted({why for run in found.failing for why in run.unseen})[:5]:
        out.print(f"not seen: {why}", markup=False, highlight=False)


class _progress:  # noqa: N801 - a context manager
    """Shows how far the exploration is, on a terminal."""

    def __init__(self, out: Console) -> None:
        self._bar = Progress(
            TextColumn("exploring"),
            BarColumn(),
            TextColumn("{task.percentage:>3.0f} %  {task.fields[said]}"),
            TimeElapsedColumn(),
            console=out,
            transient=True,
            disable=not out.is_terminal,
        )

    def __enter__(self) -> Tell:
        self._bar.start()
        task = self._bar.add_task("exploring", total=1.0, said="")

        def tell(report: Report, share: float) -> None:
            said = f"{report.runs:,} schedules, {report.rate:,.0f} a second, {report.invalid} invalid"
            self._bar.update(task, completed=share, said=said)

        return tell

    def __exit__(self, *_: object) -> None:
        self._bar.stop()
