"""The sagas as Prometheus metrics, read from the log at each scrape (R12): right after a restart."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from backend.saga.ports import SagaLog
from backend.saga.state import SagaState


class SagaMetrics(Collector):
    """``sagas{state}``: how many sagas are in each state; those that are ``failed`` are the dead letters."""

    def __init__(self, saga_log: SagaLog) -> None:
        self.saga_log = saga_log

    def collect(self) -> Iterator[GaugeMetricFamily]:
        family = GaugeMetricFamily("sagas", "Sagas in each state; failed ones are dead letters.", labels=["state"])
        counts = self.saga_log.counts()
        for state in SagaState:
            family.add_metric([str(state)], counts.get(state, 0))
        yield family

    def describe(self) -> Iterator[GaugeMetricFamily]:
        """Nothing is read from the log merely to register."""
        yield GaugeMetricFamily("sagas", "Sagas in each state; failed ones are dead letters.", labels=["state"])
