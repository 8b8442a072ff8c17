"""The saga of ``items`` with other steps: wrong sagas give another client, and that is the bug."""

from __future__ import annotations

from functools import partial

import requests

from backend.distributed_saga import DistributedSaga
from chaos.explorer.scenario import Anomaly
from chaos.gallery.entry import Entry, Kind, name_of
from chaos.gallery.items import ITEMS, ItemClient, add_step, items_scenario


def entry(client: type[ItemClient], title: str, expected: Anomaly, faults: int = 1) -> Entry:
    """The saga whose steps call through ``client``."""
    return Entry(
        name_of(client.__module__),
        title,
        Kind.SAGA,
        lambda name: items_scenario(name, steps=partial(_add_steps, client)),
        items_scenario,
        expected,
        client.__module__,
        faults,
    )


def _add_steps(client: type[ItemClient], saga: DistributedSaga, session: requests.Session) -> None:
    for name, item in ITEMS.items():
        add_step(saga, client(name, session), item)
