"""This project's own participants, as real processes with a kill -9 in between, are valid in every check."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from chaos.running_system import RunningSystem
from tests.system.support import as_json, call, running

RESTART = "testbed kill {0} && testbed start {0}"


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningSystem]:
    """Only the two participants; what the kit confirms here belongs to no saga of any log."""
    only = ("--only", "filesystem_server,git_server")
    with running(tmp_path_factory.mktemp("conform"), *only, proxy="none") as found:
        yield found


def assert_valid(system: RunningSystem, service: str, profile: str, *more: str) -> None:
    restart = ("--restart-command", RESTART.format(service), "--rounds", "4", "--prefix", f"kit-{profile}")
    done = call(system.state, "conform", system.url(service), "--profile", profile, "--json", *restart, *more)
    report = as_json(done)
    wrong = {check["name"]: check["said"] for check in report["checks"] if check["verdict"] != "valid"}
    assert (done.returncode, report["verdict"], wrong) == (0, "valid", {})


def test_filesystem_server_conforms_and_nothing_is_left_of_the_kit(system: RunningSystem) -> None:
    assert_valid(system, "filesystem_server", "filesystem")
    token = {"X-INTERNAL-TOKEN": system.internal_token()}
    left = requests.get(f"{system.url('filesystem_server')}/files/kit-filesystem", headers=token, timeout=10).json()
    assert left["files"] == []
    assert not [path for path in Path(system.data).rglob("*kit-filesystem*") if path.is_file()]


@pytest.mark.slow
def test_git_server_conforms(system: RunningSystem) -> None:
    assert_valid(system, "git_server", "git", "--set", f"files={system.url('filesystem_server')}")
