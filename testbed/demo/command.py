"""The command `testbed demo`."""

from __future__ import annotations

import os
import time
from pathlib import Path

import click

from backend.wiki.documents import Document, read_corpus, read_folder
from chaos.running_system import SAGA_LOG_URL, read_secrets
from testbed import postgres, supervisor
from testbed.commands.status import address_table
from testbed.commands.up import plan
from testbed.demo import acts
from testbed.demo.stage import Stage, clean
from testbed.errors import Failure
from testbed.layout import Layout
from testbed.options import console
from testbed.preflight import is_free

STATE = Path(".testbed") / "demo"
# Short waits, so that time-outs and take-overs can be watched; a real system has more patience.
SETTINGS = {"CALL_TIMEOUT": "2", "LEASE": "2"}
OFFSETS = (0, *range(1000, 20_000, 1000))


@click.command()
@click.option("--state", type=click.Path(path_type=Path), default=STATE, show_default=True, metavar="DIR")
@click.option(
    "--folder", type=click.Path(path_type=Path), help="Documents to ingest besides Python's language reference."
)
@click.option("--proxy", type=click.Choice(("auto", "embedded", "toxiproxy")), default="auto", show_default=True)
@click.option("--users", type=click.IntRange(1, 50), default=8, show_default=True, help="Locust users in the burst.")
@click.option("--seconds", type=click.IntRange(5, 300), default=15, show_default=True, help="How long the burst is.")
@click.option("--keep", is_flag=True, help="Leave the system running at the end.")
@click.pass_context
def demo(
    context: click.Context, state: Path, folder: Path | None, proxy: str, users: int, seconds: int, keep: bool
) -> None:
    """Run the main job end to end, break it in seven ways, and prove that nothing is left behind.

    Takes about two minutes. Everything happens in DIR, which is emptied first (with the PostgreSQL log that the demo
    before kept for it, if SAGA_LOG_URL named one), and on 127.0.0.1, on the usual ports or,
    where those are taken, on others.

    Exit status: that of the audit (0 valid, 1 invalid, 2 unknown), or 1 when an act did not show what it claims.
    """
    state = state.expanduser().resolve()
    supervisor.down(state)
    own_database = read_secrets(state).get(SAGA_LOG_URL)  # of the demo before: emptied with the folder
    clean(state)
    if own_database:
        postgres.drop_log(own_database)
    documents = _documents(folder)
    began = time.monotonic()
    try:
        context.exit(_play(_layout(state, proxy), documents, users, seconds, began))
    finally:
        if keep and supervisor.is_described(state):
            click.echo(
                f"the system runs on: testbed status --state {state}; stop it with: testbed down --state {state}"
            )
        else:
            supervisor.down(state)


def _play(layout: Layout, documents: list[Document], users: int, seconds: int, began: float) -> int:
    out = console()
    out.rule("[bold]saga testbed: the demo", align="left")
    with out.status(f"1. starting {len(layout.names)} processes"):
        system = supervisor.up(layout, lambda name, spent: out.print(f"  ready  {name:18} {spent:5.1f} s"))
    out.print(address_table(system))
    stage = Stage(out, system, documents, "python-reference")
    acts.generate_a_wiki(stage)
    acts.fail_the_snapshot(stage)
    acts.lose_the_answer(stage)
    acts.deliver_a_save_too_late(stage)
    acts.try_the_naive_saga(stage)
    acts.kill_the_worker(stage)
    acts.crowd(stage, users, seconds)
    report = acts.give_the_verdict(stage)
    out.print(
        f"[bold]{report.verdict}[/bold] after {time.monotonic() - began:.0f} s; state, logs and data: {system.state}"
    )
    for claim in stage.surprises:
        out.print(f"[red]not shown: {claim}[/red]")
    return report.exit_status or (1 if stage.surprises else 0)


def _documents(folder: Path | None) -> list[Document]:
    documents = read_corpus("python-topics")
    if folder is None:
        return documents
    try:
        more, skipped = read_folder(folder)
    except NotADirectoryError as error:
        raise Failure(str(error)) from None
    for document in skipped:
        click.echo(f"skipped {document.doc_id}: {document.reason}", err=True)
    return documents + more


def _layout(state: Path, proxy: str) -> Layout:
    for offset in OFFSETS:
        layout = plan({**SETTINGS, **os.environ}, state=state, port_offset=offset, proxy=proxy, only=None)
        if all(is_free(port) for port in layout.ports()):
            return layout
    raise Failure("no free block of ports was found: stop other systems with `testbed down`")
