"""`testbed up` with Toxiproxy: one that it starts, one that runs already, and one that is none."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
import requests

from chaos.running_system import RunningSystem
from tests.system.support import call, environment, free_offset, processes_of, running, states, with_toxiproxy


@pytest.mark.toxiproxy
def test_the_real_toxiproxy_is_started_with_the_links(tmp_path: Path) -> None:
    with running(tmp_path, "--only", "filesystem_server,git_server", proxy="toxiproxy", env=with_toxiproxy()) as system:
        assert system.proxy_kind == "toxiproxy"
        assert set(states(tmp_path).values()) == {"ready"}
        proxies = requests.get(f"{system.proxy_url}/proxies", timeout=5).json()
        assert {name: (one["listen"], one["upstream"]) for name, one in proxies.items()} == dict(system.links)


def test_a_toxiproxy_that_runs_already_gets_the_links_and_loses_them_at_the_end(tmp_path: Path) -> None:
    """The embedded one stands for it: the API is the same."""
    with running(tmp_path / "other", "--only", "filesystem_server") as other:
        api = str(other.proxy_url)
        for name in other.links:
            requests.delete(f"{api}/proxies/{name}", timeout=5).raise_for_status()
        state, options = tmp_path / "state", ("--detach", "--only", "chroma_stub", "--port-offset", str(free_offset()))
        done = call(state, "up", *options, env=environment(TOXIPROXY_URL=api))
        assert done.returncode == 0, done.stderr
        try:
            system = RunningSystem.load(state)
            assert (system.proxy_url, list(system.services)) == (api, ["chroma_stub"])
            assert set(requests.get(f"{api}/proxies", timeout=5).json()) == set(system.links)
            answer = requests.get(f"{system.services['chroma_stub'].proxied_url}/healthz", timeout=5)
            assert answer.json() == {"status": "alive"}
            second = call(tmp_path / "third", "up", *options, env=environment(TOXIPROXY_URL=api))
            assert second.returncode == 2
        finally:
            assert call(state, "down").returncode == 0
        assert requests.get(f"{api}/proxies", timeout=5).json() == {}


def test_a_toxiproxy_that_does_not_answer_is_named(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
    options = ("--detach", "--only", "chroma_stub", "--port-offset", str(free_offset()))
    done = call(tmp_path, "up", *options, env=environment(TOXIPROXY_URL=url))
    assert (done.returncode, "does not answer as a Toxiproxy does" in done.stderr) == (2, True)
    assert processes_of(tmp_path) == []
