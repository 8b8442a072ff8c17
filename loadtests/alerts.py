"""The figures that call for somebody, defined once: `testbed alerts` and load tests hold /api/stats against them, and
Prometheus the backend's metrics by docs/alerts.yml, which `testbed alerts --rules` writes. Pure.
"""

from __future__ import annotations

import operator
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import yaml

WINDOW = 900  # seconds that are looked at, unless somebody says otherwise
_OVER = f"[{WINDOW // 60}m]"
_BROKEN_BY = {"<": operator.lt, ">": operator.gt}
UNKNOWN = 2
Json = dict[str, Any]


@dataclass(frozen=True)
class Alert:
    """Fires when its figure is on the wrong side of its limit.

    Attributes:
        means: what is so when it fires.
        figure: where it stands in /api/stats, with a dot between the names.
        broken_by: ``<`` or ``>``: the side of the limit on which it fires.
        expression: the same figure in PromQL. It must be the same however many backends are scraped, for each tells of
            the whole log.
        when_absent: whether it fires when there is no such figure; None is unknown.
    """

    name: str
    means: str
    figure: str
    broken_by: str
    limit: float
    expression: str
    when_absent: bool | None = False

    def look(self, statistics: Mapping[str, Any]) -> Json:
        """How it stands: ``fires`` is true, false, or null for unknown."""
        value: Any = statistics
        for name in self.figure.split("."):
            value = (value or {}).get(name)
        fires = self.when_absent if value is None else _BROKEN_BY[self.broken_by](value, self.limit)
        return {"name": self.name, "fires": fires, "value": value, "limit": self.limit, "means": self.means}

    def rule(self) -> Json:
        """As a rule of Prometheus."""
        name = "Saga" + "".join(map(str.capitalize, self.name.split("-")))
        annotations = {"summary": self.means[0].upper() + self.means[1:], "value": "{{ $value }}"}
        expression = f"{self.expression} {self.broken_by} {self.limit:g}"
        return {"alert": name, "expr": expression, "annotations": annotations}


ALERTS = (
    Alert(
        "success-rate",
        "fewer than 95 % of the generations commit, cancelled ones aside",
        "success_rate",
        "<",
        0.95,
        f'sum(increase(sagas_decided_total{{outcome="committed"}}{_OVER}))'
        f' / sum(increase(sagas_decided_total{{outcome!="cancelled"}}{_OVER}))',
        when_absent=None,
    ),
    Alert(
        "rollback-latency",
        "1 % of the rollbacks takes longer than 5 s",
        "rollback_seconds.p99",
        ">",
        5,
        f"histogram_quantile(0.99, sum by (le) (increase(saga_rollback_seconds_bucket{_OVER})))",
    ),
    Alert(
        "rollback-failures",
        "a rollback got stuck and waits as a dead letter",
        "rollback_failures",
        ">",
        0,
        f"max(increase(saga_rollback_failures_total{_OVER}))",
    ),
    Alert(
        "consecutive-failures",
        "three generations or more failed one after the other",
        "consecutive_failures",
        ">",
        2,
        f"max(max_over_time(saga_consecutive_failures{_OVER}))",
    ),
    Alert(
        "rollback-timeouts",
        "a participant did not answer a compensation in time",
        "rollback_timeouts",
        ">",
        0,
        f"max(increase(saga_rollback_timeouts_total{_OVER}))",
    ),
)


def look(statistics: Mapping[str, Any]) -> list[Json]:
    """How every alert stands, by the backend's statistics of a window."""
    return [alert.look(statistics) for alert in ALERTS]


def unseen() -> list[Json]:
    """All of them, when nobody could see the statistics."""
    return [alert.look({}) | {"fires": None} for alert in ALERTS]


def firing(found: Iterable[Mapping[str, Any]]) -> list[str]:
    """The names of those that fire."""
    return [alert["name"] for alert in found if alert["fires"]]


def exit_status(found: Iterable[Mapping[str, Any]]) -> int:
    """0 none fires, 1 some do, 2 none is seen to fire and one is unknown."""
    states = {alert["fires"] for alert in found}
    return 1 if True in states else UNKNOWN if None in states else 0


def rules() -> str:
    """All of them as a rule file for Prometheus."""
    groups = {"groups": [{"name": "sagas", "rules": [alert.rule() for alert in ALERTS]}]}
    head = "# Made by `testbed alerts --rules`. Load it with `rule_files` in prometheus.yml.\n"
    return head + yaml.safe_dump(groups, sort_keys=False, width=1000)
