"""Thresholds and exit status of a load test."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from chaos.auditor.audit import AuditReport, Verdict
from loadtests.alerts import look, unseen
from loadtests.ending import broken_thresholds, exit_status, faults_in
from loadtests.faults import CHAOS, FAULTS, NEED_REQUESTS, UnknownFault, series_of
from testbed.commands.load import command


def report(verdict: Verdict = Verdict.VALID, orphans: int = 0) -> AuditReport:
    return AuditReport(verdict, (), {}, {"files": orphans}, 0, {}, 0.0, 0.0)


def figures(
    generations: int = 100, failure_rate: float | None = 0.1, seconds: float | None = 2.0, **limits: Any
) -> Any:
    none = {"max_failure_rate": None, "p99": None, "rollback_p99": None, "orphans": 0, "max_alerts": None}
    thresholds = none | limits
    times = {"p99": seconds, "rollback_p99": seconds}
    told = {"generations": generations, "failure_rate": failure_rate, "faults_broke_off": False, "chaos": "none"}
    return {**told, **times, "thresholds": thresholds}


def broken(found: Any, audited: AuditReport | None = None, alerts: Any = ()) -> list[str]:
    return list(broken_thresholds(found, audited or report(), alerts))


def test_thresholds_that_were_not_given_are_kept() -> None:
    assert broken(figures()) == []


def test_a_threshold_that_is_just_reached_is_kept() -> None:
    assert broken(figures(max_failure_rate=0.1, p99=2.0, rollback_p99=2.0)) == []


def test_each_broken_threshold_is_named() -> None:
    found = figures(max_failure_rate=0.05, p99=1.5, rollback_p99=0.5)
    rate, p99, rollback, orphans = broken(found, report(orphans=3))
    assert rate == "10.0% of the generations did not commit, 5.0% are allowed"
    assert p99 == "99 % of the generations took up to 2.00 s, 1.50 s are allowed"
    assert rollback == "99 % of the rollbacks took up to 2.00 s, 0.50 s are allowed"
    assert orphans == "3 orphans, 0 are allowed"


def test_alerts_spoil_a_run_without_faults_and_are_only_told_with_them() -> None:
    firing = look({"success_rate": 0.5, "consecutive_failures": 9})
    assert broken(figures(), alerts=firing) == []
    told = ["alerts fire: success-rate, consecutive-failures; 1 are allowed"]
    assert broken(figures(max_alerts=1), alerts=firing) == told
    assert broken(figures(max_alerts=2), alerts=firing) == []
    assert broken(figures(max_alerts=0) | {"chaos": "mixed"}, alerts=firing) == []


def test_alerts_that_nobody_can_see_are_not_taken_for_quiet() -> None:
    assert broken(figures(max_alerts=0), alerts=unseen()) == ["nobody knows whether an alert fires"]


def test_a_load_test_without_a_single_generation_is_no_success() -> None:
    assert broken(figures(0, None, None, max_failure_rate=0.5, p99=1.0)) == ["not one generation came to its end"]


@pytest.mark.parametrize(("verdict", "status"), [(Verdict.VALID, 0), (Verdict.INVALID, 1), (Verdict.UNKNOWN, 2)])
def test_the_exit_status_is_the_audits(verdict: Verdict, status: int) -> None:
    assert exit_status(report(verdict), []) == status


def test_a_broken_threshold_spoils_a_valid_audit_only() -> None:
    assert exit_status(report(), ["p99"]) == 1
    assert exit_status(report(Verdict.UNKNOWN), ["p99"]) == 2


def test_every_chaos_is_made_of_faults_that_there_are() -> None:
    assert {name for series in CHAOS.values() for names in series for name in names} == set(FAULTS)
    assert set(FAULTS) >= NEED_REQUESTS


def test_kills_run_beside_the_faults_on_links() -> None:
    on_links, kills = series_of("mixed-kills", knows_requests=True)
    assert kills == ["kill"]
    assert "kill" not in on_links


def test_what_the_proxy_cannot_do_is_left_out() -> None:
    (left,) = series_of("mixed", knows_requests=False)
    assert set(left) == set(FAULTS) - NEED_REQUESTS - {"kill"}
    with pytest.raises(UnknownFault, match="http_fault"):
        series_of("late", knows_requests=False)


def test_an_unknown_chaos_is_answered_with_those_that_there_are() -> None:
    with pytest.raises(UnknownFault, match="mixed-kills"):
        series_of("no-such-thing", knows_requests=True)


def test_faults_that_broke_off_spoil_the_run() -> None:
    assert broken(figures() | {"faults_broke_off": True}) == [
        "the faults broke off before the time was over: see locust.log"
    ]


def test_faults_are_counted_by_kind(tmp_path: Path) -> None:
    record = tmp_path / "faults.jsonl"
    assert faults_in(record) == {}
    record.write_text('{"fault": "kill"}\n{"fault": "late"}\n{"fault": "kill"}\n')
    assert faults_in(record) == {"kill": 2, "late": 1}


def test_locust_is_called_with_what_was_asked_for() -> None:
    asked = {"users": 3, "duration": "5s", "chaos": "mixed", "max_failure_rate": 0.5, "p99": None, "shape": "spike"}
    words = command(Path("/state"), Path("/results"), **asked)
    pairs = dict(pairwise(words))
    assert pairs["--users"] == "3"
    assert pairs["--run-time"] == "5s"
    assert pairs["--chaos"] == "mixed"
    assert pairs["--max-failure-rate"] == "0.5"
    assert "--p99" not in words
    assert [Path(path).name for path in pairs["-f"].split(",")] == ["locustfile.py", "spike.py"]
