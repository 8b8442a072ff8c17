"""`testbed audit`: hold disk, git and graph against the saga log."""

from __future__ import annotations

import sqlite3
import subprocess
from contextlib import nullcontext
from pathlib import Path

import click
from rich.console import Console

from chaos.auditor.audit import AuditReport, AuditTarget, audit, render, wait_until_quiet
from chaos.auditor.facts import CannotSee
from chaos.compose_project import TOLD, ComposeProject
from chaos.experiments import auditing
from chaos.running_system import NoSystem, RunningSystem, saga_log_of
from testbed.errors import CannotStart
from testbed.options import console, json_option, print_json, state_option


@click.command("audit")
@click.option("--project", metavar="ID", help="Only this project.")
@click.option(
    "--journal",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="What clients were told.",
)
@click.option(
    "--wait",
    type=click.FloatRange(0),
    default=30.0,
    show_default=True,
    metavar="SECONDS",
    help="For open sagas to end.",
)
@state_option
@json_option
def audit_command(project: str | None, journal: Path | None, wait: float, state: Path, as_json: bool) -> None:
    """Audit the system: atomic, no orphans, no limbo, durable, in order, closed.

    A stopped system is audited from its disks alone; what only a running one can show is then unknown.

    Exit status: 0 valid, 1 invalid, 2 unknown: a check crashed or could not see.
    """
    if project_of_containers := ComposeProject.of(state):
        raise SystemExit(_inside(project_of_containers, project, journal, wait, as_json))
    out = Console(quiet=True) if as_json else console()
    report, quiet = run(state, wait=wait, project=project, journal=journal, out=out)
    if as_json:
        print_json(report.to_json() | {"quiet": quiet})
    else:
        out.print(render(report))
    raise SystemExit(report.exit_status)


def _inside(compose: ComposeProject, project: str | None, journal: Path | None, wait: float, as_json: bool) -> int:
    """The same command in a container that sees the disks, which nobody else does; its exit status."""
    words = ["testbed", "audit", "--state", "/state", "--wait", str(wait), *(["--json"] if as_json else [])]
    words += ["--project", project] if project else []
    words += ["--journal", f"/state/{TOLD}"] if journal else []
    command = compose.inside_command(*words, journal=journal is not None)
    with journal.open() if journal else nullcontext(subprocess.DEVNULL) as told:
        return subprocess.call(command, stdin=told)


def run(
    state: Path, *, wait: float, project: str | None = None, journal: Path | None = None, out: Console
) -> tuple[AuditReport, bool]:
    """Wait up to ``wait`` seconds for quiet, then audit; the report, and whether it became quiet.

    Raises:
        CannotStart: there is nothing to audit.
    """
    target = target_of(state, project, journal)
    with out.status("auditing") as status:
        try:
            quiet = wait_until_quiet(target.saga_log, wait, status.update)
        except FileNotFoundError:
            raise CannotStart([f"there is no saga log in {state}: no system was ever started there"]) from None
        except (sqlite3.Error, CannotSee):
            quiet = False  # the audit itself says what is wrong with the log
        report = audit(target, on_progress=status.update)
    if not quiet:
        out.print(f"sagas were still open after {wait:g} s; wait longer with --wait", style="yellow")
    return report, quiet


def target_of(state: Path, project: str | None = None, journal: Path | None = None) -> AuditTarget:
    """What there is to see of the system in ``state``, running or not."""
    try:
        return auditing.target_of(RunningSystem.load(state), journal=journal, project=project)
    except NoSystem:
        return AuditTarget(
            saga_log=saga_log_of(state),
            filesystem_data=state / "data" / "filesystem_server",
            git_data=state / "data" / "git_server",
            neo4j_url=None,
            chroma_url=None,
            filesystem_url=None,
            git_url=None,
            token=None,
            journal=journal,
            project=project,
        )
