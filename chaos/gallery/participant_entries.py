"""The wrong participants of ``participants`` that the explorer can catch, each as the shop of the saga of ``items``.

Races inside one participant it cannot see, for two requests are never inside one at once; nor what only a reader or a
stranger meets: those are the conformance kit's (``testbed conform``).
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

from chaos.explorer.plain import PlainScenario
from chaos.explorer.scenario import Anomaly
from chaos.gallery.entry import Entry, Kind
from chaos.gallery.items import add_steps, forgetful_scenario, items_scenario, refused_steps

A = Anomaly
_TWO_SAGAS = {"steps": {"first": add_steps, "second": add_steps}, "workers": 2}
_SIDE_BY_SIDE: dict[str, Any] = {**_TWO_SAGAS, "one_at_a_time": False}
"""Two sagas that write the same items, each with a coordinator of its own."""
_AFTER_A_REFUSAL: dict[str, Any] = {"steps": {"first": refused_steps, "second": add_steps}}
"""One saga is rolled back, because it is refused at its end; then there is another one."""


def _entry(
    module: str,
    title: str,
    expected: Anomaly,
    faults: int = 1,
    scenario: Callable[..., PlainScenario] = items_scenario,
    **more: Any,
) -> Entry:
    path = f"chaos.gallery.participants.{module}"
    import_module(path)
    return Entry(
        module.replace("_", "-"),
        title,
        Kind.PARTICIPANT,
        lambda name: scenario(name, shop=module, **more),
        lambda name: scenario(name, **more),
        expected,
        path,
        faults,
    )


PARTICIPANTS = (
    _entry("delete_instead_of_restore", "deletes instead of restoring", A.LOST_COMPENSATION),
    _entry("empty_undo_404", "has never heard of what it is to undo", A.STUCK),
    _entry("keys_in_memory", "forgets the keys when it is restarted", A.DOUBLE_EFFECT, scenario=forgetful_scenario),
    _entry("no_barrier", "lets an action in after its compensation", A.OVERTAKEN),
    _entry("no_idempotency_key", "acts on every delivery", A.DOUBLE_EFFECT),
    _entry("no_lock", "lets another saga write to what an open one wrote", A.LOST_UPDATE, **_SIDE_BY_SIDE),
    _entry("second_undo_404", "undoes only once", A.STUCK, faults=2),
    _entry("second_undo_restores_again", "restores with every compensation", A.LOST_UPDATE, **_AFTER_A_REFUSAL),
    _entry("undo_by_item", "undoes whoever wrote the item", A.LOST_COMPENSATION),
)
