"""How sagas ended, as Prometheus metrics made of the log's events (R12): right after a restart, alike in every process.

Each scrape goes on in the log where the last one ended; the first one reads all of it.
"""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections.abc import Iterator
from itertools import accumulate

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from backend.saga.ports import SagaLog
from backend.tally import COUNTED, DECISIONS, Tally

BATCH = 5000  # events read at a time
BUCKETS = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, float("inf"))  # seconds


class EndingMetrics(Collector):
    """The metrics of ended sagas that docs/metrics.md lists under "The backend"."""

    def __init__(self, saga_log: SagaLog) -> None:
        self.saga_log = saga_log
        self._lock = threading.Lock()
        self._position = 0
        self._tally = Tally(self._rollback_took)
        self._rollbacks = [0] * len(BUCKETS)
        self._rollback_seconds = 0.0

    def collect(self) -> list[Metric]:
        with self._lock:
            self._catch_up()
            return list(self._families())

    def describe(self) -> list[Metric]:
        """Their names and meanings. Nothing is read from the log merely to register."""
        return list(self._families())

    def _catch_up(self) -> None:
        while batch := self.saga_log.all_events(self._position, BATCH, COUNTED):
            for entry in batch:
                self._tally.take(entry.saga_id, entry.event)
            self._position = batch[-1].position

    def _rollback_took(self, seconds: float) -> None:
        self._rollbacks[bisect_left(BUCKETS, seconds)] += 1
        self._rollback_seconds += seconds

    def _families(self) -> Iterator[Metric]:
        tally = self._tally
        decided = CounterMetricFamily("sagas_decided", "Sagas by what was decided first.", labels=["outcome"])
        for outcome in DECISIONS:
            decided.add_metric([outcome], tally.decided[outcome])
        yield decided
        took = "How long rollbacks took that had something to undo."
        yield HistogramMetricFamily("saga_rollback_seconds", took, self._buckets(), self._rollback_seconds)
        yield CounterMetricFamily("saga_rollback_failures", "Rollbacks that got stuck.", tally.rollback_failures)
        timeouts = "Compensations that got no answer in time."
        yield CounterMetricFamily("saga_rollback_timeouts", timeouts, tally.rollback_timeouts)
        in_a_row = "The newest sagas, as many as failed one after the other."
        yield GaugeMetricFamily("saga_consecutive_failures", in_a_row, tally.failures_in_a_row)

    def _buckets(self) -> list[tuple[str, float]]:
        bounds = [*map(str, BUCKETS[:-1]), "+Inf"]
        return list(zip(bounds, accumulate(self._rollbacks), strict=True))
