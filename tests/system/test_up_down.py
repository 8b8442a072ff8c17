"""`testbed up`, `status`, `start`, `kill` and `down` on real processes."""

from __future__ import annotations

import os
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from chaos.running_system import RunningSystem
from testbed import processes, records
from testbed.layout import NAMES
from tests.system.support import (
    as_json,
    call,
    command,
    environment,
    free_offset,
    processes_of,
    running,
    states,
    stubborn,
    until,
)


@contextmanager
def foreground(state: Path, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """`testbed up` in the foreground, its output in a file; killed with everything it started when the block ends."""
    offset = str(free_offset())
    with (state.parent / "output").open("w") as output:
        process = subprocess.Popen(
            command("up", "--state", str(state), "--proxy", "embedded", "--port-offset", offset, *arguments),
            env=environment(),
            stdout=output,
            stderr=subprocess.STDOUT,
            text=True,
        )
        try:
            until(lambda: process.poll() is not None or "Ctrl-C" in shown(state), "the system is up", 60)
            yield process
        finally:
            process.kill()
            process.wait()
            call(state, "down")


def shown(state: Path) -> str:
    return (state.parent / "output").read_text()


def one_line(text: str) -> str:
    return " ".join(text.split())


def test_a_system_comes_up_ready_answers_on_both_addresses_and_leaves_no_process(tmp_path: Path) -> None:
    with running(tmp_path) as system:
        status = as_json(call(tmp_path, "status", "--json"))
        rows = {row["name"]: row for row in status["services"]}
        assert set(rows) == set(NAMES)
        assert {row["state"] for row in rows.values()} == {"ready"}
        assert all(psutil.pid_exists(row["pid"]) for row in rows.values())
        assert {row["name"] for row in status["links"]} == set(system.links)
        for listen, upstream in system.links.values():
            for address in (listen, upstream):
                host, port = address.split(":")
                socket.create_connection((host, int(port)), timeout=5).close()
        assert len(processes_of(tmp_path)) >= len(NAMES)
    assert call(tmp_path, "down").stdout == f"nothing was running in {tmp_path}\n"
    assert call(tmp_path, "status").returncode == 1
    assert not (tmp_path / "system.json").exists()


def test_two_systems_run_side_by_side_and_only_one_is_stopped(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    with running(first, "--only", "filesystem_server"), running(second, "--only", "filesystem_server"):
        call(first, "down")
        assert processes_of(first) == []
        assert states(second) == {"filesystem_server": "ready", "fault_proxy": "ready"}


def test_the_secrets_are_the_owners_alone_and_outlive_a_restart(tmp_path: Path) -> None:
    with running(tmp_path, "--only", "chroma_stub"):
        secrets = (tmp_path / "secrets.env").read_text()
        for name in ("secrets.env", "processes.json"):
            assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600
        keys = [line.partition(":")[2] for line in secrets.splitlines() if "KEYS=" in line]
        assert len(keys) == 2
        for key in keys:
            assert key not in (tmp_path / "system.json").read_text()
            assert key not in (tmp_path / "processes.json").read_text()
    with running(tmp_path, "--only", "chroma_stub"):
        assert (tmp_path / "secrets.env").read_text() == secrets


def test_a_port_in_use_is_named_with_its_owner_before_anything_starts(tmp_path: Path) -> None:
    offset = free_offset()
    with socket.create_server(("127.0.0.1", 6001 + offset)):
        done = call(tmp_path, "up", "--detach", "--proxy", "embedded", "--port-offset", str(offset))
    assert done.returncode == 2
    assert f"port {6001 + offset} (filesystem_server) is in use by" in one_line(done.stderr)
    assert f"(pid {os.getpid()})" in done.stderr
    assert processes_of(tmp_path) == []
    assert not (tmp_path / "system.json").exists()


@pytest.mark.parametrize(
    ("version", "complaint"),
    [
        (None, "there is no git on PATH"),
        ("git version 2.30.2", "is version 2.30"),
        ("what?", "does not tell its version"),
    ],
)
def test_a_git_that_is_missing_or_too_old_is_named(tmp_path: Path, version: str | None, complaint: str) -> None:
    programs = tmp_path / "bin"
    programs.mkdir()
    if version:
        (programs / "git").write_text(f"#!{sys.executable}\nprint({version!r})\n")
        (programs / "git").chmod(0o755)
    state = tmp_path / "state"
    done = call(state, "up", "--detach", "--port-offset", str(free_offset()), env=environment(PATH=str(programs)))
    assert (done.returncode, "install git 2.36 or newer" in done.stderr) == (2, True)
    assert complaint in done.stderr
    assert processes_of(state) == []


def test_a_state_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = call(tmp_path / "file" / "state", "up", "--detach")
    assert done.returncode == 2
    assert "cannot be written (Not a directory): choose another one with --state" in one_line(done.stderr)


def test_a_system_that_already_runs_there_is_left_alone(tmp_path: Path) -> None:
    with running(tmp_path, "--only", "chroma_stub") as system:
        done = call(tmp_path, "up", "--detach", "--port-offset", str(free_offset()))
        assert done.returncode == 2
        assert "already running" in done.stderr
        assert RunningSystem.load(tmp_path) == system
        assert set(states(tmp_path).values()) == {"ready"}


@pytest.mark.parametrize(
    "arguments", [("--only", "nobody"), ("--port-offset", "99999"), ("--proxy", "toxiproxy"), ("--proxy", "some")]
)
def test_wrong_options_are_wrong_usage(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    done = call(tmp_path, "up", "--detach", *arguments, env=environment(PATH=str(tmp_path)))
    assert (done.returncode, "Traceback" in done.stderr) == (2, False)
    assert "Error: " in done.stderr


def test_a_process_that_does_not_come_up_is_shown_with_its_log_and_everything_is_stopped(tmp_path: Path) -> None:
    offset = str(free_offset())
    options = ("--detach", "--only", "worker,chroma_stub", "--proxy", "embedded", "--port-offset", offset)
    done = call(tmp_path, "up", *options, env=environment(LEASE="-1"))
    assert done.returncode == 1
    assert "worker ended while it was starting" in done.stderr
    assert "LEASE: Input should be greater than 0" in done.stderr
    assert processes_of(tmp_path) == []
    assert not (tmp_path / "system.json").exists()


@pytest.mark.slow
def test_killed_halted_and_restarted_processes_are_told_apart(tmp_path: Path) -> None:
    with running(tmp_path, "--only", "filesystem_server,worker") as system:
        group = system.services["filesystem_server"].pid
        assert psutil.Process(group).children()  # gunicorn's workers
        assert call(tmp_path, "kill", "filesystem_server").returncode == 0
        assert not [line for line in processes_of(tmp_path) if "filesystem_server" in line]
        assert call(tmp_path, "kill", "worker", "--signal", "STOP").returncode == 0
        assert states(tmp_path) == {"filesystem_server": "dead", "worker": "stopped", "fault_proxy": "ready"}
        assert call(tmp_path, "kill", "filesystem_server").returncode == 1
        assert call(tmp_path, "start", "worker").returncode == 1
        assert call(tmp_path, "start", "nobody").returncode == 1
        assert call(tmp_path, "kill", "worker", "--signal", "CONT").returncode == 0
        assert call(tmp_path, "start", "filesystem_server").returncode == 0
        assert set(states(tmp_path).values()) == {"ready"}
        again = RunningSystem.load(tmp_path).services["filesystem_server"]
        assert again.pid != group
        assert again == replace(system.services["filesystem_server"], pid=again.pid)


def test_a_restarted_process_keeps_the_settings_of_its_first_start(tmp_path: Path) -> None:
    state = tmp_path / "state"
    options = ("--detach", "--only", "worker", "--proxy", "none")
    assert call(state, "up", *options, env=environment(WORKER_THREADS="3", LEASE="7")).returncode == 0
    try:
        call(state, "kill", "worker", "--signal", "TERM")
        assert call(state, "start", "worker", env=environment(WORKER_THREADS="9")).returncode == 0
        said = [line for line in (state / "logs" / "worker.log").read_text().splitlines() if "is ready" in line]
        assert [line.partition(": ")[2] for line in said] == ["3 sagas at a time, lease 7.0 s"] * 2
    finally:
        assert call(state, "down").returncode == 0


def test_down_stops_what_an_up_that_was_killed_left_behind(tmp_path: Path) -> None:
    state = tmp_path / "state"
    with foreground(state, "--only", "chroma_stub") as process:
        process.kill()
        process.wait()
        assert processes_of(state)
        assert call(state, "down").stdout == "stopped chroma_stub, fault_proxy\n"
        assert processes_of(state) == []


def test_down_stops_halted_processes_too(tmp_path: Path) -> None:
    with running(tmp_path, "--only", "chroma_stub"):
        call(tmp_path, "kill", "chroma_stub", "--signal", "STOP")
        began = time.monotonic()
        assert call(tmp_path, "down").returncode == 0
        assert time.monotonic() - began < processes.GRACE


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGHUP])
def test_a_polite_signal_to_the_foreground_stops_the_system(tmp_path: Path, signum: int) -> None:
    state = tmp_path / "state"
    with foreground(state, "--only", "worker") as process:
        process.send_signal(signum)
        assert process.wait(20) == 0
        assert processes_of(state) == []


def test_the_foreground_shows_the_logs_and_ctrl_c_stops_the_system(tmp_path: Path) -> None:
    state = tmp_path / "state"
    with foreground(state, "--only", "worker") as process:
        until(lambda: "worker             20" in shown(state), "the log's lines behind the name")
        call(state, "kill", "worker")
        advice = f"`testbed start worker --state {state}` starts it again"
        until(lambda: f"worker ended; {advice}" in shown(state), "the end is told")
        call(state, "start", "worker")
        until(lambda: "worker was started again" in shown(state), "the restart is told")
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0
        assert "stopped" in shown(state)
        assert processes_of(state) == []


def test_the_foreground_ends_when_another_terminal_stops_the_system(tmp_path: Path) -> None:
    state = tmp_path / "state"
    with foreground(state, "--only", "worker") as process:
        call(state, "down")
        assert process.wait(20) == 0
        assert "stopped from elsewhere" in shown(state)


def test_a_second_ctrl_c_kills(tmp_path: Path) -> None:
    state = tmp_path / "state"
    with foreground(state, "--only", "worker") as process:
        call(state, "kill", "worker")
        with records.locked(state):  # a process that minds nothing but KILL takes the worker's place
            known = records.read(state)
            known["worker"] = stubborn(state)
            records.write(state, known.values())
        process.send_signal(signal.SIGINT)
        until(lambda: "Ctrl-C again kills" in shown(state), "it is stopping")
        began = time.monotonic()
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0
        assert time.monotonic() - began < processes.GRACE / 2
        assert "killed" in shown(state)
        processes.reap()
        assert processes_of(state) == []
