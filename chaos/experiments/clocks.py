"""Actions on the wall clock of the second worker (``start_second_worker``)."""

from __future__ import annotations

from typing import Any

from chaoslib.exceptions import ActivityFailed

from chaos.experiments import own_clock
from chaos.experiments.auditing import poll
from chaos.experiments.run import SOON, current

Configuration = dict[str, Any]


def set_clock(seconds: float, configuration: Configuration) -> None:
    """Let the clock jump: from now on it is ``seconds`` ahead of the true time (behind, if negative)."""
    own_clock.set_ahead(current(configuration).system.state, seconds)


def wait_for_another_claim(configuration: Configuration) -> None:
    """Wait until the saga that was started is claimed again: else the clock had no effect. Raises ActivityFailed."""
    run = current(configuration)

    def claimed_again() -> bool:
        claims = [event for event in run.client.events(run.current) if event["type"] == "saga.claimed"]
        return len(claims) > 1

    if not poll(claimed_again, SOON):
        raise ActivityFailed(f"{run.current} was not claimed again within {SOON:.0f} s: the clock had no effect")
