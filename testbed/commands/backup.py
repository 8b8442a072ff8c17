"""`testbed backup`: copy a system at one moment."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click
from rich.console import Console

from testbed.backup import back_up
from testbed.options import console, json_option, print_json, state_option


@click.command()
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@state_option
@json_option
def backup(folder: Path, state: Path, as_json: bool) -> None:
    """Copy files, repositories, graph, documents and saga log of one moment into the new folder DIR.

    The workers finish what they have in hand, or hand it over; the participants halt while they are copied; then all
    goes on. Users can ask for generations meanwhile. DIR holds no secret, and what the users wrote: keep it closed.

    Exit status: 0 made, 1 it failed and nothing of it is left, 2 an obstacle before anything was touched.
    """
    out = Console(quiet=True) if as_json else console()
    with out.status("backing up") as spinner:
        made = back_up(state, folder.expanduser().absolute(), spinner.update)
    if as_json:
        print_json({"folder": str(folder.absolute()), "pause": round(made.pause, 3), **asdict(made.manifest)})
        return
    found = made.manifest
    out.print(f"{folder}: {found.files:,} files, {found.bytes / 1e6:.1f} MB, {found.open_sagas} open sagas")
    out.print(f"the workers paused for {made.pause:.1f} s; restore it with: testbed restore {folder} --state NEW")
