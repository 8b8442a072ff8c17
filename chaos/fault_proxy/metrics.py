"""/metrics: Toxiproxy's two byte counters and what it lacks, counters per toxic."""

from collections import Counter
from collections.abc import Iterator

from prometheus_client import GC_COLLECTOR, PLATFORM_COLLECTOR, PROCESS_COLLECTOR, CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from .ledger import Series, count_bytes
from .proxies import Proxies

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


def registry(proxies: Proxies, *, of_proxies: bool, of_runtime: bool) -> CollectorRegistry | None:
    """What -proxy-metrics and -runtime-metrics ask for; None if neither does."""
    if not (of_proxies or of_runtime):
        return None
    found = CollectorRegistry()
    if of_proxies:
        found.register(_ProxyCollector(proxies))
    if of_runtime:
        for collector in (PROCESS_COLLECTOR, PLATFORM_COLLECTOR, GC_COLLECTOR):
            found.register(collector)
    return found


def render(found: CollectorRegistry) -> bytes:
    return generate_latest(found)


class _ProxyCollector(Collector):
    """Counts at the scrape, so that a byte on its way costs nothing; open connections are included."""

    def __init__(self, proxies: Proxies) -> None:
        self._proxies = proxies

    def collect(self) -> Iterator[Metric]:
        yield from self._bytes()
        ledger = self._proxies.ledger
        fired = CounterMetricFamily(
            "fault_proxy_toxic_fired",
            "Streams or requests a toxic acted on",
            labels=["proxy", "toxic", "type", "stream"],
        )
        for labels, count in sorted(ledger.toxics_fired.items()):
            fired.add_metric(list(labels), count)
        yield fired
        accepted = CounterMetricFamily("fault_proxy_connections", "Connections accepted", labels=["proxy"])
        open_now = GaugeMetricFamily("fault_proxy_connections_open", "Connections open now", labels=["proxy"])
        for proxy in self._proxies.all():
            accepted.add_metric([proxy.name], proxy.accepted)
            open_now.add_metric([proxy.name], len(proxy.connections))
        yield accepted
        yield open_now

    def _bytes(self) -> Iterator[Metric]:
        ledger = self._proxies.ledger
        received, sent = Counter(ledger.received), Counter(ledger.sent)
        for proxy in self._proxies.all():
            for connection in proxy.connections:
                count_bytes(proxy, connection, received, sent)
        for name, counts in (("received", received), ("sent", sent)):
            family = CounterMetricFamily(f"toxiproxy_proxy_{name}_bytes", "", labels=_sorted_labels())
            for series, count in sorted(counts.items()):
                family.add_metric([getattr(series, label) for label in _sorted_labels()], count)
            yield family


def _sorted_labels() -> list[str]:
    return sorted(Series._fields)
