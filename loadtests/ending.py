"""How a load test ends: heal, wait for quiet, audit with the journal, hold the figures against the thresholds.

    python -m loadtests.ending --state DIR --results DIR

reads ``figures.json`` and ``told.jsonl`` from the results' folder and writes ``ending.json`` and ``sagas.jsonl`` there.
It is a process of its own because Locust replaces the standard library's sockets and threads, and the auditor wants the
real ones.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import requests

from chaos.auditor.audit import AuditReport
from chaos.experiments.auditing import audit_when_quiet
from chaos.experiments.client import BackendClient
from chaos.experiments.evidence import saga_events
from chaos.experiments.proxy import FaultProxy
from chaos.experiments.timeline import sagas_of
from chaos.running_system import RunningSystem
from loadtests import alerts
from loadtests.faults import NOTHING

QUIET = 120.0  # seconds until the last saga must be at its end once all is healed
FIGURES, TOLD, ENDING, FAULTS = "figures.json", "told.jsonl", "ending.json", "faults.jsonl"
SAGAS = "sagas.jsonl"
THRESHOLDS = ("max_failure_rate", "p99", "rollback_p99", "orphans", "max_alerts")
Json = dict[str, Any]


def end(state: Path, results: Path) -> int:
    """Bring the load test to its end; returns the exit status: the audit's (0, 1, 2), or 1 for a broken threshold."""
    system = RunningSystem.load(state)
    if system.proxy_url is not None:
        FaultProxy(system).heal()
    journal = results / TOLD
    report = audit_when_quiet(system, QUIET, journal=journal if journal.exists() else None)
    figures = json.loads((results / FIGURES).read_text())
    figures |= {"faults": faults_in(results / FAULTS)}
    found = alerts_since(system, figures["began"])
    broken = list(broken_thresholds(figures, report, found))
    status = exit_status(report, broken)
    ending = {"exit_status": status, "broken_thresholds": broken, "alerts": found}
    ending |= {"figures": figures, "audit": report.to_json()}
    write_sagas(system, figures["began"], results / SAGAS)
    (results / ENDING).write_text(json.dumps(ending, indent=1))
    return status


def alerts_since(system: RunningSystem, began: float) -> list[Json]:
    """How the alerts stand by the sagas that were asked for since then; unknown when the backend does not say."""
    try:
        return alerts.look(BackendClient(system, "load").statistics(time.time() - began))
    except requests.RequestException:
        return alerts.unseen()


def write_sagas(system: RunningSystem, began: float, path: Path) -> None:
    """One line a saga: in which states it was, from when to when (Unix seconds)."""
    with path.open("w") as file:
        for saga in sagas_of(saga_events(system, began)):
            bars = [[bar.kind, bar.began, bar.ended] for bar in saga.bars]
            file.write(json.dumps({"saga_id": saga.name, "states": bars}) + "\n")


def faults_in(record: Path) -> dict[str, int]:
    """How many faults of each kind came and went."""
    lines = record.read_text().splitlines() if record.exists() else []
    return dict(Counter(json.loads(line)["fault"] for line in lines))


def broken_thresholds(
    figures: Mapping[str, Any], report: AuditReport, found: Sequence[Mapping[str, Any]]
) -> Iterator[str]:
    """What was asked for and not kept, one sentence each. A threshold that was not given is kept."""
    limits = figures["thresholds"]
    rate, orphans = figures["failure_rate"], sum(report.orphans.values())
    if figures["generations"] == 0:
        yield "not one generation came to its end"
    if figures["faults_broke_off"]:
        yield "the faults broke off before the time was over: see locust.log"
    if limits["max_failure_rate"] is not None and rate is not None and rate > limits["max_failure_rate"]:
        yield f"{rate:.1%} of the generations did not commit, {limits['max_failure_rate']:.1%} are allowed"
    for name, what in (("p99", "generations"), ("rollback_p99", "rollbacks")):
        took, allowed = figures[name], limits[name]
        if allowed is not None and took is not None and took > allowed:
            yield f"99 % of the {what} took up to {took:.2f} s, {allowed:.2f} s are allowed"
    if orphans > limits["orphans"]:
        yield f"{orphans} orphans, {limits['orphans']} are allowed"
    if figures["chaos"] == NOTHING and limits["max_alerts"] is not None:
        yield from _too_many(found, limits["max_alerts"])


def _too_many(found: Sequence[Mapping[str, Any]], allowed: int) -> Iterator[str]:
    if len(names := alerts.firing(found)) > allowed:
        yield f"alerts fire: {', '.join(names)}; {allowed} are allowed"
    elif alerts.exit_status(found) == alerts.UNKNOWN:
        yield "nobody knows whether an alert fires"


def exit_status(report: AuditReport, broken: list[str]) -> int:
    """The audit's own, unless it is good and a threshold is not."""
    return report.exit_status or int(bool(broken))


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m loadtests.ending", description=__doc__.partition("\n")[0])
    parser.add_argument("--state", type=Path, required=True)
    parser.add_argument("--results", type=Path, required=True)
    given = parser.parse_args(arguments)
    return end(given.state, given.results)


if __name__ == "__main__":
    sys.exit(main())
