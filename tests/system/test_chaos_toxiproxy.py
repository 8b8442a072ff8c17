"""The experiments that need no request-aware faults, on Toxiproxy itself."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from chaos.experiments.catalogue import experiments
from chaos.running_system import RunningSystem
from tests.system.support import as_json, call, running, with_toxiproxy

PLAIN = sorted(name for name, experiment in experiments().items() if not experiment.needs_requests)
pytestmark = [pytest.mark.toxiproxy, pytest.mark.slow]


@pytest.fixture(scope="module")
def env() -> dict[str, str]:
    return with_toxiproxy()


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory, env: dict[str, str]) -> Iterator[RunningSystem]:
    with running(tmp_path_factory.mktemp("toxiproxy"), proxy="toxiproxy", env=env) as found:
        assert found.proxy_kind == "toxiproxy"
        yield found


@pytest.mark.parametrize("name", PLAIN)
def test_the_claim_holds_on_toxiproxy(real: RunningSystem, name: str) -> None:
    done = call(real.state, "chaos", "run", name, "--json")
    (outcome,) = as_json(done)["experiments"]
    assert (outcome["verdict"], done.returncode) == ("valid", 0), outcome


def test_the_demo_is_valid_on_toxiproxy(env: dict[str, str], tmp_path: Path) -> None:
    done = call(tmp_path / "demo", "demo", "--proxy", "toxiproxy", "--users", "2", "--seconds", "5", env=env)
    assert (done.returncode, "NOT TRUE" in done.stdout) == (0, False), done.stdout[-3000:]


def test_faults_that_know_requests_are_skipped_and_prove_nothing(real: RunningSystem) -> None:
    done = call(real.state, "chaos", "run", "save-refused", "--json")
    (outcome,) = as_json(done)["experiments"]
    assert (outcome["verdict"], done.returncode) == ("skipped", 2)
    assert "--proxy embedded" in outcome["why"]


def test_load_leaves_out_what_this_proxy_cannot_do(real: RunningSystem) -> None:
    done = call(real.state, "load", "--json", "--users", "4", "--time", "6s", "--chaos", "mixed")
    assert (done.returncode, as_json(done)["audit"]["verdict"]) == (0, "valid")
