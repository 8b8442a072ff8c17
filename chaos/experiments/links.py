"""Actions on links: toxics, faults that know requests, links that go down and come up."""

from __future__ import annotations

import time
from typing import Any

from chaoslib.exceptions import ActivityFailed

from chaos.experiments.run import SOON, Run, current

Configuration = dict[str, Any]


def toxic(
    link: str,
    type: str,
    attributes: dict[str, Any],
    configuration: Configuration,
    stream: str = "downstream",
    toxicity: float = 1.0,
) -> None:
    """Add a toxic of Toxiproxy to a link."""
    _add(current(configuration), link, type, stream, toxicity, attributes)


def toxic_everywhere(
    type: str,
    attributes: dict[str, Any],
    configuration: Configuration,
    stream: str = "downstream",
    toxicity: float = 1.0,
) -> None:
    """Add a toxic of Toxiproxy to every link."""
    run = current(configuration)
    for link in run.system.links:
        _add(run, link, type, stream, toxicity, attributes)


def http_fault(link: str, attributes: dict[str, Any], configuration: Configuration, toxicity: float = 1.0) -> None:
    """Add a fault that knows requests; needs the fault proxy of this project."""
    _add(current(configuration), link, "http_fault", "downstream", toxicity, attributes)


def _add(run: Run, link: str, kind: str, stream: str, toxicity: float, attributes: dict[str, Any]) -> None:
    run.toxics.append((link, run.proxy.add(link, kind, stream=stream, toxicity=toxicity, **attributes)))


def let_through(configuration: Configuration) -> None:
    """Take every toxic away: what they held back goes on. One that never fired breaks the claim."""
    run = current(configuration)
    run.fired()
    run.proxy.heal()


def link_down(link: str, configuration: Configuration) -> None:
    """Close a link's connections and its listener."""
    current(configuration).proxy.down(link)


def link_up(link: str, configuration: Configuration) -> None:
    current(configuration).proxy.up(link)


def flap(link: str, times: int, seconds: float, configuration: Configuration) -> None:
    """Take a link down and bring it up again, ``times`` times, ``seconds`` each."""
    proxy = current(configuration).proxy
    for _ in range(times):
        proxy.down(link)
        time.sleep(seconds)
        proxy.up(link)
        time.sleep(seconds)


def bursts(
    link: str,
    type: str,
    attributes: dict[str, Any],
    times: int,
    seconds: float,
    configuration: Configuration,
    stream: str = "downstream",
) -> None:
    """Add a toxic for ``seconds`` and take it away for as long, ``times`` times. It must fire once at least."""
    run, name = current(configuration), f"{type}-bursts"
    run.toxics.append((link, name))
    for _ in range(times):
        run.proxy.add(link, type, name=name, stream=stream, **attributes)
        time.sleep(seconds)
        run.proxy.remove(link, name)
        time.sleep(seconds)


def wait_for_outcome(outcome: str, configuration: Configuration, status: int | None = None) -> None:
    """Wait until an http_fault reports ``outcome``; another answer of the participant than ``status`` breaks the claim.

    Raises:
        ActivityFailed: it did not.
    """
    run = current(configuration)
    found = run.proxy.wait_for(run.proxy_event, lambda event: event.get("outcome") == outcome, SOON)
    if found is None:
        raise ActivityFailed(f"no http_fault reported {outcome!r} within {SOON:.0f} s")
    if status is not None and found.get("upstream_status") != status:
        run.problems.append(f"the late request was answered {found.get('upstream_status')}, not {status}")
