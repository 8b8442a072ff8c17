"""The sagas as Prometheus metrics, read from the log at each scrape (R12): right after a restart."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from backend.saga.ports import SagaLog
from backend.saga.state import SagaState

PARTICIPANTS = ("neo4j", "filesystem_server", "git_server")
"""Whom a wiki saga calls: their circuits are told while they are closed as well."""


class SagaMetrics(Collector):
    """The metrics that docs/metrics.md lists under "The backend".

    Args:
        now: wall-clock seconds.
    """

    def __init__(self, saga_log: SagaLog, now: Callable[[], float] = time.time) -> None:
        self.saga_log, self.now = saga_log, now

    def collect(self) -> Iterator[GaugeMetricFamily]:
        sagas, circuits = self.describe()
        counts, spared = self.saga_log.counts(), self.saga_log.spared(self.now())
        for state in SagaState:
            sagas.add_metric([str(state)], counts.get(state, 0))
        for participant in sorted({*PARTICIPANTS, *spared}):
            circuits.add_metric([participant], spared.get(participant, 0))
        yield from (sagas, circuits)

    def describe(self) -> tuple[GaugeMetricFamily, GaugeMetricFamily]:
        """Their names and meanings. Nothing is read from the log merely to register."""
        return (
            GaugeMetricFamily("sagas", "Sagas in each state; failed ones are dead letters.", labels=["state"]),
            GaugeMetricFamily(
                "circuits_open", "Workers that spare a participant which failed too often.", labels=["participant"]
            ),
        )
