"""What a running fault proxy remembers beside its proxies: the seed, the events, and what /metrics counts."""

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from .events import EventLog
from .toxic import DOWNSTREAM, UPSTREAM, Toxic

if TYPE_CHECKING:
    from .connection import Connection
    from .proxy import Proxy


class Series(NamedTuple):
    """The labels of Toxiproxy's byte counters."""

    direction: str
    proxy: str
    listener: str
    upstream: str


class Ledger:
    """Shared by all proxies of one server. Byte counts here are those of ended connections."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.events = EventLog()
        self.received: Counter[Series] = Counter()
        self.sent: Counter[Series] = Counter()
        self.toxics_fired: Counter[tuple[str, str, str, str]] = Counter()

    def toxic_fired(self, proxy: str, toxic: Toxic) -> None:
        self.toxics_fired[proxy, toxic.name, toxic.type, toxic.direction] += 1

    def connection_ended(self, proxy: "Proxy", connection: "Connection") -> None:
        count_bytes(proxy, connection, self.received, self.sent)


def count_bytes(proxy: "Proxy", connection: "Connection", received: Counter[Series], sent: Counter[Series]) -> None:
    """Add a connection's bytes, per direction, to two counters."""
    client, upstream = connection.client, connection.upstream
    for direction, source, sink in ((UPSTREAM, client, upstream), (DOWNSTREAM, upstream, client)):
        series = Series(direction, proxy.name, proxy.listen, proxy.upstream)
        received[series] += source.bytes_in
        sent[series] += sink.bytes_out
