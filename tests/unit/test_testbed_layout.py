"""Which processes a system has and what they are told."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from testbed.commands.up import plan
from testbed.layout import DECIDED_HERE, LINKS, MAX_OFFSET, NAMES, PASSED_ON, PORTS, Layout

STATE = Path("/state")


def env_of(layout: Layout, name: str) -> dict[str, str]:
    return next(dict(spec.env) for spec in layout.processes() if spec.name == name)


def planned(env: dict[str, str], **options: Any) -> Layout:
    return plan(env, **({"state": STATE, "port_offset": 0, "proxy": "auto", "only": None} | options))


def test_the_ports_are_those_of_the_contract() -> None:
    assert Layout(STATE).ports() == {
        8080: "backend",
        6001: "filesystem_server",
        6002: "chroma_stub",
        6003: "git_server",
        7474: "neo4j_stub",
        8474: "fault_proxy",
        16001: "the link backend_filesystem",
        16002: "the link backend_chroma",
        16003: "the link backend_git",
        17474: "the link backend_neo4j",
        26001: "the link git_filesystem",
    }


@given(st.integers(0, MAX_OFFSET))
def test_all_ports_shift_together_and_stay_ports(offset: int) -> None:
    ports = Layout(STATE, offset).ports()
    assert list(ports) == [port + offset for port in Layout(STATE).ports()]
    assert max(ports) <= 65535


@given(st.integers(0, MAX_OFFSET))
def test_every_address_that_a_service_is_given_is_a_link_that_leads_to_its_service(offset: int) -> None:
    layout = Layout(STATE, offset)
    for link in LINKS:
        listen, upstream = layout.links()[link.name]
        for caller in {"backend": ("backend", "worker"), "git_server": ("git_server",)}[link.caller]:
            assert env_of(layout, caller)[link.variable] == f"http://{listen}"
        assert upstream == f"127.0.0.1:{PORTS[link.service] + offset}"


def test_without_a_proxy_services_reach_each_other_directly() -> None:
    layout = Layout(STATE, 5, "none")
    assert env_of(layout, "git_server")["FILESYSTEM_URL"] == "http://127.0.0.1:6006"
    assert (layout.links(), layout.proxy_url, layout.proxied_url("git_server")) == ({}, None, None)
    assert "fault_proxy" not in layout.names
    assert set(layout.ports().values()) == set(PORTS) - {"fault_proxy"}


def test_each_service_has_a_data_folder_of_its_own_and_the_log_is_where_everybody_looks_for_it() -> None:
    folders = {
        name: env_of(Layout(STATE), name).get("DATA_DIR") for name in NAMES if name.endswith(("_server", "_stub"))
    }
    assert folders == {name: f"/state/data/{name}" for name in folders}
    for name in ("backend", "worker"):
        assert env_of(Layout(STATE), name)["SAGA_LOG_URL"] == "sqlite:////state/data/backend/saga-log.sqlite3"


def test_only_the_backend_gets_the_keys_of_users() -> None:
    secrets = {spec.name: spec.secrets for spec in Layout(STATE).processes()}
    assert {name for name, names in secrets.items() if "USER_TOKEN_KEYS" in names} == {"backend", "worker"}
    assert secrets["fault_proxy"] == ()
    assert all("INTERNAL_TOKEN_KEYS" in names for name, names in secrets.items() if name != "fault_proxy")


def test_gunicorn_serves_on_loopback_with_the_shared_settings() -> None:
    spec = next(spec for spec in Layout(STATE, 1).processes() if spec.name == "chroma_stub")
    serve = "gunicorn chroma_stub.app:create_app() -c python:service_kit.gunicorn_conf -b 127.0.0.1:6003"
    assert " ".join(spec.argv) == f"{sys.executable} -m {serve}"


def test_only_starts_what_it_names_and_the_fault_proxy() -> None:
    layout = planned({}, only="git_server, worker")
    assert set(layout.names) == {"git_server", "worker", "fault_proxy"}
    assert set(layout.links()) == {link.name for link in LINKS}


@pytest.mark.parametrize("only", ["", " , ", "git", "backend,nobody"])
def test_only_refuses_what_is_no_process(only: str) -> None:
    with pytest.raises(click.BadParameter, match=r"names of processes.*git_server"):
        planned({}, only=only)


def test_a_real_server_takes_the_place_of_its_stub_behind_the_proxy() -> None:
    layout = planned({"NEO4J_URL": "http://graph.example:17687/base/", "NEO4J_PASSWORD": "secret"})
    assert "neo4j_stub" not in layout.names
    assert layout.links()["backend_neo4j"] == ("127.0.0.1:17474", "graph.example:17687")
    for name in ("backend", "worker"):
        assert env_of(layout, name)["NEO4J_URL"] == "http://127.0.0.1:17474/base"
        assert env_of(layout, name)["NEO4J_PASSWORD"] == "secret"
    assert layout.own_url("neo4j_stub") == "http://graph.example:17687/base"


def test_a_real_server_is_reached_directly_without_a_proxy() -> None:
    layout = planned({"CHROMA_URL": "https://documents.example"}, proxy="none")
    assert env_of(layout, "backend")["CHROMA_URL"] == "https://documents.example"


def test_the_proxy_is_the_embedded_one_where_there_is_no_other(tmp_path: Path) -> None:
    layout = planned({"PATH": str(tmp_path)})
    assert (layout.proxy_kind, layout.proxy_program, layout.running_proxy) == ("embedded", None, None)
    assert layout.proxy_url == "http://127.0.0.1:8474"


def test_a_toxiproxy_on_path_is_started_in_its_place(tmp_path: Path) -> None:
    program = tmp_path / "toxiproxy-server"
    program.write_text("")
    program.chmod(0o755)
    layout = planned({"PATH": str(tmp_path)})
    assert (layout.proxy_kind, layout.proxy_program) == ("toxiproxy", str(program))
    proxy = next(spec for spec in layout.processes() if spec.name == "fault_proxy")
    assert proxy.argv[:5] == (str(program), "-host", "127.0.0.1", "-port", "8474")
    assert planned({"PATH": str(tmp_path)}, proxy="embedded").proxy_program is None


def test_a_toxiproxy_that_runs_already_is_used_and_not_started(tmp_path: Path) -> None:
    layout = planned({"PATH": str(tmp_path), "TOXIPROXY_URL": "http://127.0.0.1:9999/"})
    assert (layout.proxy_kind, layout.proxy_url) == ("toxiproxy", "http://127.0.0.1:9999")
    assert "fault_proxy" not in layout.names
    assert not [port for port in layout.ports() if port > 16000]


def test_toxiproxy_that_is_asked_for_and_not_there_is_wrong_usage(tmp_path: Path) -> None:
    with pytest.raises(click.BadParameter, match="TOXIPROXY_URL is not set and there is no toxiproxy-server"):
        planned({"PATH": str(tmp_path)}, proxy="toxiproxy")


def test_settings_of_the_caller_reach_the_services_but_cannot_redirect_them() -> None:
    layout = planned({"LEASE": "2", "DATA_DIR": "/elsewhere", "GIT_URL": "http://elsewhere", "HOME": "/home/ada"})
    env = env_of(layout, "worker")
    assert env["LEASE"] == "2"
    assert "HOME" not in env
    assert env["GIT_URL"] == "http://127.0.0.1:16003"
    assert env_of(layout, "chroma_stub")["DATA_DIR"] == "/state/data/chroma_stub"


@pytest.mark.parametrize(
    "where",
    [
        *("backend.settings", "filesystem_server.app", "git_server.settings", "chroma_stub.app", "neo4j_stub.app"),
    ],
)
def test_every_setting_of_every_service_is_either_passed_on_or_decided_here(where: str) -> None:
    """A new setting would otherwise leak in from the shell, and change at the first restart from another one."""
    settings = importlib.import_module(where).Settings
    assert {name.upper() for name in settings.model_fields} <= PASSED_ON | DECIDED_HERE


def test_what_is_decided_here_is_never_passed_on() -> None:
    assert not PASSED_ON & DECIDED_HERE
