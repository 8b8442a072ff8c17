"""What an experiment may need and not every system or machine has. Experiments say so in their tags."""

from __future__ import annotations

from collections.abc import Collection

from chaos.experiments import mounts

HTTP_FAULT = "http_fault"
"""The toxic that knows requests, which Toxiproxy itself does not have."""
OWN_MOUNTS = "own_mounts"
"""Processes with mounts of their own, so that one's disk can be made read-only."""
OWN_CLOCK = "own_clock"
"""Processes with a clock of their own."""


def why_not(tags: Collection[str], *, knows_requests: bool, in_containers: bool) -> str:
    """Why an experiment with these tags cannot be run here, or "".

    Args:
        knows_requests: whether the system's fault proxy has http_fault.
        in_containers: whether docker compose runs the system.
    """
    if HTTP_FAULT in tags and not knows_requests:
        return "it needs http_fault, which only this project's own fault proxy has: start with --proxy embedded"
    if in_containers and not {OWN_MOUNTS, OWN_CLOCK}.isdisjoint(tags):
        return "it needs processes of this machine, not containers: start with `testbed up`"
    if OWN_MOUNTS in tags:
        try:
            mounts.own_mounts()
        except mounts.NoMounts as error:
            return str(error)
    return ""
