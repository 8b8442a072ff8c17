"""What the auditor is aimed at: a system of which all, a part or nothing runs."""

from __future__ import annotations

from pathlib import Path

from chaos.experiments import auditing
from chaos.running_system import RunningSystem, Service
from testbed.commands.audit import target_of

GIT = "http://127.0.0.1:6003"


def test_of_a_system_that_runs_in_part_the_rest_is_not_seen(tmp_path: Path) -> None:
    system = RunningSystem(tmp_path, 0, "none", None, {"git_server": Service("git_server", 1, GIT, None)}, {})
    found = auditing.target_of(system, project="p")
    assert (found.git_url, found.filesystem_url, found.neo4j_url, found.chroma_url) == (GIT, None, None, None)
    assert (found.project, found.unguarded) == ("p", frozenset())


def test_a_stopped_system_is_audited_from_the_disks_on_which_it_ran(tmp_path: Path) -> None:
    stopped = target_of(tmp_path)
    RunningSystem(tmp_path, 0, "none", None, {}, {}).save()
    running = target_of(tmp_path)
    assert (stopped.saga_log, stopped.filesystem_data) == (running.saga_log, running.filesystem_data)
    assert (stopped.git_data, stopped.token) == (running.git_data, None)
    assert running.token is not None
