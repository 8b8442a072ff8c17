"""Points 52 to 54 of the contract: three clients of Toxiproxy work unchanged, on ours and on Toxiproxy itself."""

import os
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest
from toxiproxy import Toxiproxy
from toxiproxy.api import APIConsumer
from toxiproxy.exceptions import InvalidToxic, NotFound, ProxyExists

from tests.contract import fault_proxy_rig as rig
from tests.contract.fault_proxy_rig import Target

servers, target = rig.servers, rig.target

UP = "127.0.0.1:9"


@pytest.fixture
def client(target: Target) -> Iterator[Toxiproxy]:
    before = APIConsumer.host, APIConsumer.port  # the library keeps them class-wide
    found = Toxiproxy()
    found.update_api_consumer("127.0.0.1", target.port)
    yield found
    found.update_api_consumer(*before)


def test_52_toxiproxy_python_proxies(client: Toxiproxy) -> None:
    assert client.running()
    assert b"version" in client.version()
    proxy = client.create(upstream=UP, name="p")
    assert (proxy.name, proxy.upstream, proxy.enabled) == ("p", UP, True)
    assert proxy.listen.startswith("127.0.0.1:")
    with pytest.raises(ProxyExists):
        client.create(upstream=UP, name="p")
    proxy.disable()
    assert client.get_proxy("p").enabled is False
    proxy.enable()
    with proxy.down():
        assert client.get_proxy("p").enabled is False
    assert client.get_proxy("p").enabled is True
    assert client.get_proxy("q") is None
    assert client.destroy(proxy)
    assert client.proxies() == {}


def test_52_toxiproxy_python_toxics(client: Toxiproxy) -> None:
    proxy = client.create(upstream=UP, name="p")
    proxy.add_toxic(type="latency", attributes={"latency": 5})
    proxy.add_toxic(type="timeout", stream="upstream", name="t", toxicity=0.5, attributes={"timeout": 1})
    assert set(proxy.toxics()) == {"latency_downstream", "t"}
    assert proxy.get_toxic("t").toxicity == 0.5
    with pytest.raises(InvalidToxic):
        proxy.add_toxic(type="nonsense")
    with pytest.raises(ProxyExists):
        proxy.add_toxic(type="noop", name="t")
    assert proxy.destroy_toxic("t")
    with pytest.raises(NotFound):
        proxy.destroy_toxic("t")
    assert client.reset()
    assert proxy.toxics() == {}


def test_52_toxiproxy_python_populate(client: Toxiproxy) -> None:
    port = rig.free_port()
    entry = {"name": "p", "upstream": UP, "listen": f"127.0.0.1:{port}"}
    assert len(client.populate([entry])) == 1
    assert client.populate([entry]) == []
    client.destroy_all()
    assert client.proxies() == {}


def test_53_chaostoolkit_toxiproxy(target: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    actions = pytest.importorskip("chaostoxi.proxy.actions")
    probes = pytest.importorskip("chaostoxi.proxy.probes")
    toxic = pytest.importorskip("chaostoxi.toxic.actions")
    monkeypatch.setattr(os, "environ", dict(os.environ))  # the library leaves the port there
    configuration: dict[str, Any] = {"toxiproxy_host": "127.0.0.1", "toxiproxy_port": target.port}
    assert actions.create_proxy("p", "127.0.0.1", 9, configuration=configuration)
    assert int(configuration["p_PORT"]) > 0
    assert probes.proxy_exist("p", configuration=configuration)
    assert probes.get_proxy_attribute("p", "upstream", configuration=configuration) == UP
    assert actions.disable_proxy("p", configuration=configuration)
    assert probes.get_proxy_attribute("p", "enabled", configuration=configuration) is False
    assert actions.enable_proxy("p", configuration=configuration)
    assert actions.modify_proxy("p", upstream_address="127.0.0.1:10", configuration=configuration)

    more = {"configuration": configuration}
    toxic.create_latency_toxic("p", "latency", 5, 1, **more)
    toxic.create_bandwith_degradation_toxic("p", "bandwidth", 5, **more)
    toxic.create_slow_connection_close_toxic("p", "slow_close", 5, **more)
    toxic.create_timeout_toxic("p", "timeout", 5, **more)
    toxic.create_slicer_toxic("p", "slicer", 5, 1, 1, **more)
    toxic.create_limiter_toxic("p", "limit_data", 5, **more)
    toxic.create_toxic("p", "reset", "reset_peer", "upstream", 0.5, {"timeout": 5}, **more)
    shown = {item["name"]: item["type"] for item in target.get("/proxies/p/toxics")}
    assert shown.pop("reset") == "reset_peer"
    assert shown == {name: name for name in shown}
    assert len(shown) == 6
    assert toxic.delete_toxic("p", "timeout", **more)
    assert actions.reset(configuration=configuration)
    assert target.get("/proxies/p/toxics") == []
    actions.delete_proxy("p", configuration=configuration)
    assert not probes.proxy_exist("p", configuration=configuration)


class Cli:
    """`toxiproxy-cli` against a server."""

    def __init__(self, target: Target) -> None:
        self._program = rig.tool("toxiproxy-cli")
        if self._program is None:
            pytest.skip("toxiproxy-cli is neither on PATH nor in .toxiproxy/: run `make toxiproxy`")
        self._url = target.url

    def __call__(self, *arguments: str, fails: bool = False) -> str:
        """Its output; standard error when it is to fail."""
        done = subprocess.run(
            [str(self._program), "--host", self._url, *arguments],
            capture_output=True,
            text=True,
            timeout=10,
            check=False,
        )
        assert (done.returncode != 0) is fails, done
        return done.stderr if fails else done.stdout


@pytest.mark.toxiproxy
def test_54_the_command_line_client(target: Target) -> None:
    cli = Cli(target)
    port = rig.free_port()
    assert "Created new proxy redis" in cli("create", "-l", f"127.0.0.1:{port}", "-u", UP, "redis")
    assert "already exists" in cli("create", "-l", "127.0.0.1:0", "-u", UP, "redis", fails=True)
    assert cli("list").split() == ["redis", f"127.0.0.1:{port}", UP, "enabled", "0"]
    assert "now disabled" in cli("toggle", "redis")
    assert "disabled" in cli("list")
    assert "now enabled" in cli("toggle", "redis")
    added = cli("toxic", "add", "-t", "latency", "-n", "slow", "--tox", "0.5", "-a", "latency=100", "-d", "redis")
    assert "Added downstream latency toxic 'slow' on proxy 'redis'" in added
    assert "Updated toxic 'slow'" in cli("toxic", "update", "-n", "slow", "-a", "jitter=25", "redis")
    inspected = cli("inspect", "redis")
    assert "type=latency" in inspected
    assert "latency=100" in inspected
    assert "jitter=25" in inspected
    assert "invalid toxic type" in cli("toxic", "add", "-t", "nonsense", "redis", fails=True)
    assert "Removed toxic 'slow'" in cli("toxic", "remove", "-n", "slow", "redis")
    assert "Deleted proxy redis" in cli("delete", "redis")
    assert "proxy not found" in cli("inspect", "redis", fails=True)
