"""`testbed chaos`: the chaos experiments, listed and run."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import click
import requests
from rich.table import Table
from rich.text import Text

from chaos.experiments.catalogue import NoSuchExperiment, experiments, find
from chaos.experiments.judging import Word
from chaos.experiments.proxy import FaultProxy, NoSuchLink
from chaos.experiments.report import Section, page, section_of
from chaos.experiments.runner import Outcome, run
from chaos.experiments.timeline import OUTCOME, read_evidence
from chaos.running_system import NoSystem, RunningSystem
from loadtests.ending import ENDING
from loadtests.report import section_of as load_section
from testbed import processes, records
from testbed.errors import CannotSee, Failure
from testbed.layout import FAULT_PROXY
from testbed.options import console, json_option, print_json, state_option

COLOUR = {Word.VALID: "green", Word.INVALID: "red", Word.UNKNOWN: "yellow", Word.SKIPPED: "dim"}


@click.group()
def chaos() -> None:
    """Break the running system on purpose; the auditor says whether anything was left behind."""


@chaos.command("list")
@json_option
def list_experiments(as_json: bool) -> None:
    """Every experiment and what it claims."""
    known = experiments().values()
    if as_json:
        print_json([{"name": one.name, "claim": one.claim, "needs_http_fault": one.needs_requests} for one in known])
        return
    table = Table("experiment", "claim")
    for one in known:
        table.add_row(one.name, one.claim)
    console().print(table)


@chaos.command("run")
@click.argument("name")
@state_option
@json_option
def run_experiments(name: str, state: Path, as_json: bool) -> None:
    """Run the experiment NAME, or all of them one after the other.

    Exit status: 0 valid (what this proxy cannot do is skipped), 1 invalid, 2 unknown, or nothing was begun: there is
    no such experiment, no system, or no fault proxy that answers.
    """
    try:
        wanted = find(name)
    except NoSuchExperiment as error:
        raise click.UsageError(str(error)) from None
    knows_requests = _knows_requests(state)
    outcomes, out = [], console()
    for experiment in wanted:
        with out.status(f"{experiment.name}: {experiment.title}"):
            outcomes.append(run(experiment, state, knows_requests=knows_requests))
        if not as_json:
            out.print(_line(outcomes[-1]))
        if outcomes[-1].interrupted:
            break
    if as_json:
        print_json({"experiments": [one.to_json() for one in outcomes]})
    elif len(outcomes) > 1:
        out.print(_summary(outcomes))
    raise SystemExit(exit_status(outcomes))


@chaos.command("report")
@state_option
@click.option("--open", "show", is_flag=True, help="Open the page in a browser.")
def report(state: Path, show: bool) -> None:
    """One page of all experiments and load tests whose evidence is there, newest first, with a timeline for each.

    Exit status: 0 written, 1 there is no evidence yet.
    """
    evidence = state / "evidence"
    loads = list(_sections(evidence.glob(f"*/{ENDING}"), load_section))
    runs = list(_sections(evidence.glob(f"*/{OUTCOME}"), lambda folder: section_of(read_evidence(folder))))
    if not loads and not runs:
        raise Failure(f"no evidence in {evidence}: `testbed chaos run all --state {state}` leaves some")
    path = evidence / "report.html"
    path.write_text(page([*loads, *runs]))
    click.echo(str(path))
    if show:
        click.launch(str(path))


def _knows_requests(state: Path) -> bool:
    """Whether the system's fault proxy has http_fault. Raises CannotSee."""
    try:
        system = RunningSystem.load(state)
        record = records.read(state).get(FAULT_PROXY)
        if record and processes.lives(record) and processes.is_stopped(record):
            advice = f"`testbed kill {FAULT_PROXY} --signal CONT --state {state}` lets it go on"
            raise CannotSee(f"{FAULT_PROXY} is halted, and {advice}")
        return FaultProxy(system).knows_requests
    except (NoSystem, NoSuchLink) as error:
        raise CannotSee(str(error)) from None
    except requests.RequestException:
        advice = f"`testbed status --state {state}` says how it is"
        raise CannotSee(f"the fault proxy does not answer at {system.proxy_url}: {advice}") from None


def _sections(found: Iterable[Path], read: Callable[[Path], Section]) -> Iterator[Section]:
    """Of each run the section, the newest first; one whose evidence is not whole is named and left out."""
    for folder in sorted((path.parent for path in found), reverse=True):
        try:
            yield read(folder)
        except (OSError, ValueError, KeyError) as error:
            click.echo(
                f"left out: {folder.name}: its evidence is not whole ({type(error).__name__}: {error})", err=True
            )


def exit_status(outcomes: Iterable[Outcome]) -> int:
    """0 when every one is valid or skipped and one at least is valid, 1 when one is invalid, else 2."""
    words = {outcome.word for outcome in outcomes}
    if Word.INVALID in words:
        return 1
    return 0 if words <= {Word.VALID, Word.SKIPPED} and Word.VALID in words else 2


def _line(outcome: Outcome) -> Text:
    line = Text(f"{outcome.name:34} ")
    line.append(f"{outcome.word:8}", style=COLOUR[outcome.word])
    line.append(f"{outcome.seconds:6.1f} s")
    if outcome.why:
        line.append(f"  {outcome.why}")
    if outcome.evidence and outcome.word is not Word.VALID:
        line.append(f"  ({outcome.evidence})")
    return line


def _summary(outcomes: list[Outcome]) -> Table:
    table = Table("verdict", "experiments", "seconds", title="chaos experiments", title_justify="left")
    for word in Word:
        found = [outcome for outcome in outcomes if outcome.word is word]
        if found:
            seconds = sum(outcome.seconds for outcome in found)
            table.add_row(Text(str(word), style=COLOUR[word]), str(len(found)), f"{seconds:.0f}")
    return table
