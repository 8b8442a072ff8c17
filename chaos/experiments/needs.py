"""What an experiment may need and not every system or machine has. Experiments say so in their tags."""

from __future__ import annotations

from collections.abc import Collection

from chaos.experiments import mounts

HTTP_FAULT = "http_fault"
"""The toxic that knows requests, which Toxiproxy itself does not have."""
OWN_MOUNTS = "own_mounts"
"""Processes with mounts of their own, so that one's disk can be made read-only."""


def why_not(tags: Collection[str], *, knows_requests: bool) -> str:
    """Why an experiment with these tags cannot be run here, or "".

    Args:
        knows_requests: whether the system's fault proxy has http_fault.
    """
    if HTTP_FAULT in tags and not knows_requests:
        return "it needs http_fault, which only this project's own fault proxy has: start with --proxy embedded"
    if OWN_MOUNTS in tags:
        try:
            mounts.own_mounts()
        except mounts.NoMounts as error:
            return str(error)
    return ""
