"""The alerts: figures of how sagas end, their limits, and the rules for Prometheus."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from backend.saga_log import MemorySagaLog
from backend.statistics import TELLING, statistics
from loadtests.alerts import ALERTS, exit_status, firing, look, rules, unseen
from tests.integration import saga_stories as told
from tests.integration.backend_app import client_of
from tests.integration.saga_stories import FILES, GRAPH, SNAPSHOT, Story, T

RULES = Path(__file__).parents[2] / "docs" / "alerts.yml"
TIMEOUT = "DELETE /files/p: no answer in time"
EVERYTHING = {alert.name for alert in ALERTS}
Tell = Callable[[MemorySagaLog, str, float], Story]


def refused(log: MemorySagaLog, saga_id: str, at: float, project: str = "demo", seconds: float = 0.0) -> Story:
    """A snapshot that is refused, undone in ``seconds`` and a bit."""
    story = Story(log, saga_id, at, project).begun().done(GRAPH).done(FILES).refused(SNAPSHOT, "409 locked")
    story.turned_back("409 locked", SNAPSHOT)
    story.at += seconds
    return story.undone(SNAPSHOT, FILES, GRAPH).closed("409 locked")


def cancelled(log: MemorySagaLog, saga_id: str, at: float) -> Story:
    story = Story(log, saga_id, at).begun().done(GRAPH)
    story.tell(T.CANCEL_REQUESTED, by="ann", reason="a change of mind")
    return story.turned_back("a change of mind").undone(GRAPH).closed("a change of mind")


def silent(log: MemorySagaLog, saga_id: str, at: float) -> Story:
    """The compensation of the files is answered at the second attempt."""
    story = Story(log, saga_id, at).begun().done(GRAPH).done(FILES).refused(SNAPSHOT, "409 locked")
    story.turned_back("409 locked", SNAPSHOT).undone(SNAPSHOT).undo_failed(FILES, TIMEOUT, 0.5)
    return story.undone(FILES, GRAPH).closed("409 locked")


def retried(log: MemorySagaLog, saga_id: str, at: float) -> Story:
    """Parked, and undone after all a minute later."""
    story = told.parked(log, saga_id, at).tell(T.RETRY_REQUESTED, None, 60.0)
    return story.undone(FILES, GRAPH).closed("409 locked")


def figures(*tellers: Tell) -> dict[str, Any]:
    log = MemorySagaLog()
    for number, tell in enumerate(tellers):
        tell(log, f"s{number}", 1000.0 + number)
    return statistics(log.all_events(0, 100_000, TELLING))


def fires(*tellers: Tell) -> set[str]:
    return set(firing(look(figures(*tellers))))


GOOD = [told.committed] * 20


def test_nothing_fires_while_all_is_well() -> None:
    assert fires(*GOOD) == set()
    assert exit_status(look(figures(*GOOD))) == 0


def test_the_success_rate_fires_below_95_percent() -> None:
    assert fires(*GOOD[:19], refused) == set()
    assert fires(*GOOD[:18], refused) == {"success-rate"}


def test_who_cancels_has_not_failed() -> None:
    found = figures(*GOOD, *[cancelled] * 20)
    assert (found["success_rate"], found["cancelled"], found["consecutive_failures"]) == (1.0, 20, 0)
    assert found["by_outcome"] == {"committed": 20, "rolled_back": 20}


def test_three_failures_in_a_row_fire_however_many_successes_follow() -> None:
    assert fires(*GOOD * 5, refused, refused, told.committed, refused, refused, *GOOD) == set()
    assert fires(*GOOD * 5, refused, refused, cancelled, refused, *GOOD) == {"consecutive-failures"}


def test_slow_rollbacks_fire() -> None:
    assert fires(*GOOD, lambda *who: refused(*who, seconds=4.5)) == set()
    assert fires(*GOOD, lambda *who: refused(*who, seconds=5.5)) == {"rollback-latency"}


def test_a_generation_without_effects_is_no_quick_rollback() -> None:
    assert figures(told.failed_early)["rollback_seconds"] is None


def test_a_stuck_rollback_fires_even_when_it_is_undone_later() -> None:
    assert fires(*GOOD, told.parked) == {"rollback-failures"}
    assert fires(*GOOD, retried) == {"rollback-failures", "rollback-latency"}
    assert figures(retried)["by_outcome"] == {"rolled_back": 1}


def test_a_compensation_that_is_not_answered_in_time_fires() -> None:
    assert fires(*GOOD, silent) == {"rollback-timeouts"}


def test_where_nothing_was_decided_nobody_knows() -> None:
    found = look(figures(told.running))
    assert (firing(found), exit_status(found)) == ([], 2)
    assert {alert["fires"] for alert in unseen()} == {None}
    assert exit_status(look(figures(told.running, silent))) == 1


def test_the_metrics_tell_the_same_of_the_whole_log_at_every_scrape() -> None:
    backend = client_of()
    tellers: list[Tell] = [told.committed, refused, silent, cancelled, told.parked, retried]
    for number, tell in enumerate(tellers):
        tell(backend.log, f"s{number}", 1000.0 + number)  # type: ignore[arg-type]
        backend.client.get("/metrics")
    text = backend.client.get("/metrics").text
    assert re.findall(r"^sagas_decided_total.*", text, re.M) == [
        'sagas_decided_total{outcome="committed"} 1.0',
        'sagas_decided_total{outcome="rolled_back"} 2.0',
        'sagas_decided_total{outcome="cancelled"} 1.0',
        'sagas_decided_total{outcome="failed"} 2.0',
    ]
    assert "saga_rollback_failures_total 2.0" in text
    assert "saga_rollback_timeouts_total 1.0" in text
    assert "saga_consecutive_failures 4.0" in text
    assert 'saga_rollback_seconds_bucket{le="5.0"} 3.0' in text
    assert 'saga_rollback_seconds_bucket{le="+Inf"} 4.0' in text
    assert re.search(r"^saga_rollback_seconds_sum 6\d\.", text, re.M)
    assert client_of(backend.log).client.get("/metrics").text.count("saga_rollback_failures_total 2.0") == 1


def test_the_file_for_prometheus_is_what_the_command_writes() -> None:
    assert RULES.read_text() == rules()


def test_the_rules_name_only_what_the_backend_serves() -> None:
    client = client_of().client
    served = set(re.findall(r"^(\w+)[ {]", client.get("/metrics").text, re.M))
    written = yaml.safe_load(RULES.read_text())["groups"][0]["rules"]
    assert len(written) == len(ALERTS)
    for rule in written:
        without_labels = re.sub(r"\{[^}]*\}", "", rule["expr"])
        names = set(re.findall(r"\b[a-z]+_\w+\b(?!\()", without_labels))
        assert names, rule
        assert names <= served, rule


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not here: it comes with Prometheus")
def test_promtool_takes_the_rules() -> None:
    done = subprocess.run(["promtool", "check", "rules", str(RULES)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
