"""One coordinator's process: the scenario's own work, over real links and a real disk."""

from __future__ import annotations

import logging
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from chaos.explorer.network import Network
from chaos.explorer.real.disk import Disk
from chaos.explorer.real.lines import Channel
from chaos.explorer.real.remote import Links, RemoteNetwork, RemoteWorld
from chaos.explorer.run import System
from chaos.explorer.scenario import Scenario
from chaos.explorer.tokens import Tokens
from chaos.explorer.world import Process

log = logging.getLogger(__name__)


def coordinate(scenario: Scenario, name: str, disk_folder: Path, control: Path, links: Links, tokens: Tokens) -> None:
    """Work until nothing is left, or until the schedule kills this process."""
    channel, disk = Channel.dial(control), Disk(disk_folder)
    world = RemoteWorld(channel, scenario.lease, disk)
    world.ask({"op": "coordinator", "who": name})
    network = RemoteNetwork(world, links, scenario.describe, tokens)
    participants: dict[str, Any] = {
        one: SimpleNamespace(name=one, address=address) for address, (one, _) in links.items()
    }
    system = System(world, cast(Network, network), participants, tokens)
    try:
        scenario.work(system, Process(name))
    except Exception as defect:
        log.exception("%s broke off", name)
        channel.ask({"op": "failed", "why": f"{type(defect).__name__}: {defect}"})
    else:
        disk.close()
        channel.ask({"op": "done"})
