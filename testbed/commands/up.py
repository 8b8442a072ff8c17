"""`testbed up`: start a system."""

from __future__ import annotations

import os
import shutil
import signal
import time
from collections.abc import Mapping
from pathlib import Path
from types import FrameType

import click
from rich.console import Console

from chaos.running_system import SAGA_LOG_URL, RunningSystem, read_secrets
from testbed import supervisor
from testbed.commands.status import address_table
from testbed.errors import INTERRUPTED
from testbed.layout import EXTERNAL, FAULT_PROXY, MAX_OFFSET, NAMES, PASSED_ON, Layout
from testbed.log_stream import LogStream
from testbed.options import console, state_option

KINDS = ("auto", "embedded", "toxiproxy", "none")
MAX_WORKERS = 32
TOXIPROXY_SERVER = "toxiproxy-server"


@click.command()
@click.option("--detach", is_flag=True, help="Return when the system is ready; `testbed down` stops it.")
@state_option
@click.option(
    "--port-offset",
    type=click.IntRange(0, MAX_OFFSET),
    default=0,
    show_default=True,
    metavar="N",
    help="Added to every port, so that several systems can run side by side.",
)
@click.option(
    "--proxy",
    type=click.Choice(KINDS),
    default="auto",
    show_default=True,
    help="What stands on every link. auto: the Toxiproxy of TOXIPROXY_URL or on PATH, else the embedded one.",
)
@click.option(
    "--workers",
    type=click.IntRange(1, MAX_WORKERS),
    default=1,
    show_default=True,
    metavar="N",
    help="Worker processes that share the work: worker, worker-2, ...",
)
@click.option("--only", metavar="NAME,NAME", help="Start only these processes (and the fault proxy).")
@click.option(
    "--timeout", type=click.FloatRange(1), default=supervisor.START_LIMIT, show_default=True, metavar="SECONDS"
)
def up(detach: bool, state: Path, port_offset: int, proxy: str, workers: int, only: str | None, timeout: float) -> None:
    """Start the system and show where everything listens.

    Without --detach it then shows the logs of all processes until Ctrl-C, which stops the system; a second Ctrl-C
    kills it. CHROMA_URL and NEO4J_URL name real servers to use in the place of the stubs; SAGA_LOG_URL a PostgreSQL
    database for the saga log (there is no option for it: what is on a command line everybody sees).

    Exit status: 0 ready (or stopped by Ctrl-C), 1 a process did not come up, 2 an obstacle before anything was
    started: a port in use, no usable git, a folder that cannot be written, a system that already runs there, a
    database that cannot be used.
    """
    layout = plan(os.environ, state=state, port_offset=port_offset, proxy=proxy, only=only, workers=workers)
    out = console()
    _raise_on_signals()
    system = _start(layout, timeout, out)
    out.print(address_table(system))
    if "backend" in system.services:
        token = f"testbed token --user NAME --state {state}"
        out.print(f"console: {system.url('backend')}/ (sign in with what `{token}` prints)")
    if detach:
        out.print(f"stop it with: testbed down --state {state}")
    else:
        out.print("Ctrl-C stops the system")
        _follow(system, out)


def plan(
    env: Mapping[str, str], *, state: Path, port_offset: int, proxy: str, only: str | None, workers: int = 1
) -> Layout:
    """The layout that options and environment ask for, on the saga log that the state folder had before.

    Raises:
        click.BadParameter: they ask for what cannot be.
    """
    kind, program, running = _choose_proxy(env, proxy)
    return Layout(
        state=state,
        port_offset=port_offset,
        proxy_kind=kind,
        proxy_program=program,
        running_proxy=running,
        external={name: env[variable].rstrip("/") for name, variable in EXTERNAL.items() if env.get(variable)},
        only=_names(only),
        workers=workers,
        saga_log_url=env.get(SAGA_LOG_URL) or read_secrets(state).get(SAGA_LOG_URL),
        passed_on={name: env[name] for name in sorted(PASSED_ON & env.keys())},
    )


def _choose_proxy(env: Mapping[str, str], wanted: str) -> tuple[str, str | None, str | None]:
    """Kind, program to start, API of one that runs already."""
    url = env.get("TOXIPROXY_URL", "").rstrip("/") or None
    program = shutil.which(TOXIPROXY_SERVER, path=env.get("PATH"))
    if wanted == "auto":
        wanted = "toxiproxy" if url or program else "embedded"
    if wanted != "toxiproxy":
        return wanted, None, None
    if not url and not program:
        raise click.BadParameter(
            f"TOXIPROXY_URL is not set and there is no {TOXIPROXY_SERVER} on PATH", param_hint="--proxy"
        )
    return wanted, None if url else program, url


def _names(only: str | None) -> tuple[str, ...]:
    if only is None:
        return NAMES
    names = tuple(part.strip() for part in only.split(",") if part.strip())
    if not names or set(names) - set(NAMES):
        known = ", ".join(sorted(set(NAMES) - {FAULT_PROXY}))
        raise click.BadParameter(f"names of processes, with commas between: {known}", param_hint="--only")
    return names


def _start(layout: Layout, timeout: float, out: Console) -> RunningSystem:
    with out.status(f"starting {len(layout.names)} processes"):
        try:
            return supervisor.up(
                layout, lambda name, seconds: out.print(f"ready  {name:18} {seconds:5.1f} s"), limit=timeout
            )
        except KeyboardInterrupt:
            click.echo("interrupted while starting; everything was stopped again", err=True)
            raise SystemExit(INTERRUPTED) from None


def _follow(system: RunningSystem, out: Console) -> None:
    """Show the logs until Ctrl-C, or until somebody else stops the system."""
    stream = LogStream(system.state)
    try:
        while supervisor.is_described(system.state):
            stream.show_news(out)
            time.sleep(0.1)
        out.print("the system was stopped from elsewhere")
    except KeyboardInterrupt:
        out.print("\nstopping (Ctrl-C again kills)")
        _stop(system.state, out)
        stream.show_news(out)


def _stop(state: Path, out: Console) -> None:
    try:
        supervisor.down(state)
        out.print("stopped")
    except KeyboardInterrupt:
        supervisor.down_now(state)
        out.print("killed")


def _raise_on_signals() -> None:
    """A lost terminal and a polite kill end the system as Ctrl-C does."""

    def interrupt(signum: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    for signum in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(signum, interrupt)
