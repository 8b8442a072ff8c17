"""A small saga over two participants of ``participants``: it writes a book at the shop, then an account at the bank."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

import requests
from flask import Flask

from backend.clients.filesystem import saga_headers
from backend.clients.transport import HttpLink
from backend.distributed_saga import DistributedSaga
from backend.saga.definition import StepContext
from backend.saga.errors import Refused
from chaos.explorer.machines import App, AppOnFolder, Make, write_image
from chaos.explorer.plain import AddSteps, PlainScenario
from chaos.explorer.remembered import Image
from chaos.gallery.participants.protocol import token
from service_kit import names

ITEMS = {"shop": "book", "bank": "account"}
"""Participant to the item that the saga writes there, in the saga's order."""
TIMEOUT = 5.0  # seconds


class ItemClient:
    """Calls one participant.

    Args:
        name: in the simulated network.
    """

    def __init__(self, name: str, session: requests.Session) -> None:
        # One token for all of the saga: what becomes of it when it expires is the engine's business here.
        self.link = HttpLink(f"http://{name}", access(), session=session, timeout=TIMEOUT)

    def write(self, context: StepContext, item: str, value: str) -> Any:
        """The action."""
        body = {"saga_id": context.saga_id, "value": value}
        return self.link.call("POST", f"/items/{item}", json=body, headers=saga_headers(context))

    def undo(self, context: StepContext, item: str) -> None:
        """The compensation."""
        self.link.call("DELETE", f"/items/{item}", headers=saga_headers(context, "undo"))

    def confirm(self, context: StepContext) -> None:
        """The saga is committed."""
        self.link.call("POST", f"/saga/{context.saga_id}/confirm", headers=saga_headers(context, "confirm"))


def access() -> dict[str, str]:
    """The headers without which the participants let nobody in."""
    return {names.INTERNAL_TOKEN: token()}


def add_steps(saga: DistributedSaga, session: requests.Session) -> None:
    """One step at each participant."""
    for name, item in ITEMS.items():
        add_step(saga, ItemClient(name, session), item)


def add_step(saga: DistributedSaga, client: ItemClient, item: str) -> None:
    """Write what this saga has to say to one item."""
    saga.add_step(
        f"Write {item}",
        lambda context: client.write(context, item, f"as {saga.saga_id} has it"),
        lambda context: client.undo(context, item),
        confirm=client.confirm,
        timeout=TIMEOUT,
    )


def refused_steps(saga: DistributedSaga, session: requests.Session) -> None:
    """The same, and then a step that is always refused, as orders above the limit are."""
    add_steps(saga, session)
    saga.add_step("Check the limit", _above_the_limit)


def _above_the_limit() -> None:
    raise Refused("it is above the limit")


def write_before(session: requests.Session) -> None:
    """What another saga had written long ago."""
    for name, item in ITEMS.items():
        client, context = ItemClient(name, session), StepContext("before", f"Write {item}", 1, TIMEOUT)
        client.write(context, item, "as it was before")
        client.confirm(context)


def items_scenario(name: str, **more: Any) -> PlainScenario:
    """The saga under the real engine; ``more`` as for ``ingredients``."""
    return PlainScenario(name, **ingredients(**more))


class WithMemory(AppOnFolder):
    """A participant that clears at its start what stands for its memory: only a kill is such a start.

    When the explorer merely puts the folder back to an earlier time, the memory is as it was then.
    """

    def restore(self, image: Image) -> None:
        super().restore(image)
        write_image(self.folder, image)

    def restart(self, image: Image) -> None:
        super().restore(image)


class ForgetfulScenario(PlainScenario):
    """Participants with a memory."""

    machine = WithMemory


def forgetful_scenario(name: str, **more: Any) -> PlainScenario:
    """As ``items_scenario``, for participants that keep something in memory."""
    return ForgetfulScenario(name, **ingredients(**more))


def ingredients(
    steps: AddSteps | Mapping[str, AddSteps] = add_steps, *, shop: str = "right", **more: Any
) -> dict[str, Any]:
    """What a PlainScenario needs: with the participant of the module name ``shop``; the bank is always right."""
    return {
        "participants": {"shop": opened(shop), "bank": opened("right")},
        "steps": steps,
        "observe": {participant: f"/items/{item}" for participant, item in ITEMS.items()},
        "before": write_before,
        "headers": access,
        **more,
    }


def opened(module: str) -> Make:
    """A participant of the gallery as the explorer opens it."""
    make: Callable[[Path], Flask] = import_module(f"chaos.gallery.participants.{module}").make
    return partial(_open, make)


def _open(make: Callable[[Path], Flask], folder: Path, session: requests.Session) -> tuple[App, Callable[[], None]]:
    return make(folder), _nothing_to_close


def _nothing_to_close() -> None:
    """Each request has a connection of its own."""
