"""`testbed status`: how every process is."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
from rich.table import Table
from rich.text import Text

from chaos.compose_project import ComposeProject
from chaos.running_system import RunningSystem
from testbed import compose, supervisor
from testbed.options import console, json_option, print_json, running_system, state_option
from testbed.readiness import State

COLOUR: Mapping[State, str] = {
    State.READY: "green",
    State.ALIVE: "yellow",
    State.STOPPED: "magenta",
    State.DEAD: "red",
}


@click.command()
@state_option
@json_option
def status(state: Path, as_json: bool) -> None:
    """Show every process: pid, addresses, and whether it is ready, alive, stopped or dead.

    Exit status: 0 all are ready, 1 one is not, or there is no system.
    """
    system = running_system(state)
    project = ComposeProject.of(state)
    states = compose.states(project) if project else supervisor.states(system)
    if as_json:
        print_json(to_json(system, states))
    else:
        console().print(address_table(system, states))
    raise SystemExit(0 if set(states.values()) <= {State.READY} else 1)


def to_json(system: RunningSystem, states: Mapping[str, State]) -> dict[str, Any]:
    """The stable form of --json."""
    return {
        "state": str(system.state),
        "port_offset": system.port_offset,
        "proxy": {"kind": system.proxy_kind, "url": system.proxy_url},
        "services": [
            {
                "name": name,
                "pid": service.pid,
                "url": service.url,
                "proxied_url": service.proxied_url,
                "state": str(states[name]),
            }
            for name, service in system.services.items()
        ],
        "links": [
            {"name": name, "listen": listen, "upstream": upstream} for name, (listen, upstream) in system.links.items()
        ],
    }


def address_table(system: RunningSystem, states: Mapping[str, State] | None = None) -> Table:
    """Every process and where it listens; its state, if known."""
    table = Table(box=None, pad_edge=False)
    for heading in ("service", "address", "through the fault proxy", "pid", *(["state"] if states else [])):
        table.add_column(heading, no_wrap=True)
    for name, service in system.services.items():
        cells = [name, service.url or "", service.proxied_url or "", str(service.pid or "elsewhere")]
        if states:
            table.add_row(*cells, Text(str(states[name]), style=COLOUR[states[name]]))
        else:
            table.add_row(*cells)
    return table
