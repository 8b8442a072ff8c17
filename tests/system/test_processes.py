"""What the supervisor does to one process, without a system around it."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

from testbed import processes, records
from testbed.layout import ProcessSpec
from tests.system.support import processes_of, stubborn, until


def test_term_is_followed_by_kill(tmp_path: Path) -> None:
    record = stubborn(tmp_path)
    processes.stop([record], grace=0.2)
    assert not processes.lives(record)
    assert processes_of(tmp_path) == []


def test_a_pid_that_now_belongs_to_somebody_else_is_never_signalled(tmp_path: Path) -> None:
    other = stubborn(tmp_path)
    recycled = replace(other, mark=other.mark - 1)
    assert not processes.lives(recycled)
    processes.kill([recycled])
    assert processes.lives(other)
    processes.kill([other])


def test_members_of_a_group_whose_leader_is_gone_are_stopped(tmp_path: Path) -> None:
    code = "import subprocess, sys; subprocess.Popen(['sleep', '600']); print('begun', flush=True)"
    log = tmp_path / "log"
    spec = ProcessSpec("leader", (sys.executable, "-W", "ignore", "-c", code), {}, (), None)
    record = processes.spawn(spec, tmp_path, log, {})
    until(lambda: not processes.lives(record), "the leader ended")
    assert len(processes_of(tmp_path)) == 1
    processes.stop([record])
    assert processes_of(tmp_path) == []


def test_records_are_read_as_they_were_written(tmp_path: Path) -> None:
    spec = ProcessSpec("a", ("x", "y"), {"E": "1"}, ("S",), 6001, frozenset({"b", "c"}))
    record = processes.ProcessRecord(spec, 12, 34.0, 56)
    records.write(tmp_path, [record])
    assert records.read(tmp_path) == {"a": record}
    assert json.loads((tmp_path / "processes.json").read_text())
