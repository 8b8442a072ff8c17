"""Every attempt has a key of its own: the repeat of a charge whose answer was lost is a second charge.

Seen: https://github.com/square/square-mcp-server/issues/31 (the description of the interface asks for a key that is
unique for every request), https://github.com/akash-network/console/pull/3449 (customers charged twice and three
times).
"""

from __future__ import annotations

from collections.abc import Callable

import requests

from backend.clients.filesystem import saga_headers
from backend.clients.transport import HttpLink
from backend.distributed_saga import DistributedSaga
from backend.saga.definition import StepContext
from chaos.explorer.plain import AddSteps, PlainScenario
from chaos.explorer.scenario import Anomaly
from chaos.gallery import till
from chaos.gallery.entry import Entry, Kind, name_of
from chaos.gallery.items import ITEMS, TIMEOUT, ItemClient, access, add_step, opened
from service_kit import names

KeyOf = Callable[[StepContext], str]


def fresh(context: StepContext) -> str:
    """The bug."""
    return f"{context.idempotency_key}:{context.attempt}"


def same(context: StepContext) -> str:
    """How it should be (R3)."""
    return context.idempotency_key


def steps(key_of: KeyOf) -> AddSteps:
    """Charge at the till, then write to the account."""

    def add(saga: DistributedSaga, session: requests.Session) -> None:
        link = HttpLink("http://till", {}, session=session, timeout=TIMEOUT)
        saga.add_step(
            "Charge",
            lambda context: link.call(
                "POST",
                "/charges",
                json={"amount": 12},
                headers={**saga_headers(context), names.IDEMPOTENCY_KEY: key_of(context)},
            ),
            lambda context: link.call("DELETE", "/charges", headers=saga_headers(context, "undo")),
            timeout=TIMEOUT,
        )
        add_step(saga, ItemClient("bank", session), ITEMS["bank"])

    return add


def scenario(name: str, key_of: KeyOf) -> PlainScenario:
    """The saga with keys of this kind."""
    return PlainScenario(
        name,
        participants={"till": till.make, "bank": opened("right")},
        steps=steps(key_of),
        observe={"till": "/balance", "bank": f"/items/{ITEMS['bank']}"},
        headers=access,
    )


ENTRY = Entry(
    name_of(__name__),
    "gives every attempt a key of its own",
    Kind.SAGA,
    lambda name: scenario(name, fresh),
    lambda name: scenario(name, same),
    Anomaly.DOUBLE_EFFECT,
    __name__,
)
