"""`testbed replay`: one schedule again, in simulation and over real processes."""

from __future__ import annotations

from pathlib import Path

import click
from rich.console import Console

from chaos.auditor.report import EXIT_STATUS
from chaos.auditor.verdicts import Verdict
from chaos.explorer.registry import NoSuchScenario, scenario_of
from chaos.explorer.replay import Replay, first_difference, read_schedule, replay
from chaos.explorer.run import Run, on_stage
from chaos.explorer.schedule import Schedule
from chaos.explorer.story import line, never_happened, story
from testbed.errors import CannotStart
from testbed.options import console, json_option, print_json


@click.command("replay")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path), metavar="SCHEDULE.json")
@click.option("--real", is_flag=True, help="Also over real processes, sockets and disks, through the fault proxy.")
@json_option
def replay_command(file: Path, real: bool, as_json: bool) -> None:
    """Run a schedule again, exactly: the one that `testbed explore` saved, or one that you wrote.

    With --real the participants are servers of their own, the coordinators processes that are killed and halted, and
    the faults happen on real connections. Both worlds must say the same.

    Exit status: 0 valid, 1 invalid, 2 unknown: a check could not see, or the two worlds differ; or no such schedule.
    """
    schedule, out = _read(file), Console(quiet=True) if as_json else console()
    done = _run(schedule, real=real, out=out)
    if as_json:
        print_json(done.to_json())
    else:
        _say(out, done)
    raise SystemExit(EXIT_STATUS[done.verdict])


def _read(file: Path) -> Schedule:
    try:
        return read_schedule(file)
    except (OSError, ValueError) as error:
        raise click.UsageError(f"{file}: {error}") from None


def _run(schedule: Schedule, *, real: bool, out: Console) -> Replay:
    from chaos.explorer.real.processes import CannotStart as DidNotStart

    try:
        scenario = scenario_of(schedule.scenario)
    except NoSuchScenario as error:
        raise click.UsageError(str(error)) from None
    with on_stage(scenario) as stage, out.status("replaying"):
        try:
            return replay(stage, schedule, real=real)
        except DidNotStart as error:
            raise CannotStart([str(error)]) from None


def _say(out: Console, done: Replay) -> None:
    out.print(story(done.simulated), markup=False, highlight=False)
    if done.real is None:
        return
    out.print()
    if not done.same_trace:
        _say_difference(out, done)
    for run, where in ((done.simulated, "simulated"), (done.real, "over real processes")):
        out.print(f"{where:20} {_result(run)}{never_happened(run)}", markup=False, highlight=False)
    if not done.agree:
        out.print("[yellow]the two worlds differ: what the schedule shows is unknown[/]")
    elif done.same_trace:
        out.print("the same happened in both, line by line", highlight=False)


def _say_difference(out: Console, done: Replay) -> None:
    simulated, real = first_difference(done) or (None, None)
    out.print("from here on it went another way over real processes:")
    for where, entry in (("simulated", simulated), ("real", real)):
        said = "(nothing more)" if entry is None else line(entry)
        out.print(f"  {where:10}{said}", markup=False, highlight=False)


def _result(run: Run) -> str:
    if run.verdict is Verdict.UNKNOWN:
        return f"unknown: {'; '.join(run.unseen)}"
    found = ", ".join(run.anomalies)
    return f"{run.verdict}: {found}" if found else str(run.verdict)
