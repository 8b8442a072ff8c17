"""A system that docker compose runs, as the commands see it: from what docker says, without docker."""

from __future__ import annotations

import json
import stat
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner

from chaos import compose_project
from chaos.compose_project import ComposeProject, DockerTrouble
from chaos.experiments.needs import OWN_CLOCK, OWN_MOUNTS, why_not
from chaos.machinery import CannotDo, machinery_of
from chaos.machinery.containers import Containers
from chaos.machinery.local import LocalProcesses
from chaos.running_system import RunningSystem
from testbed import compose, inside
from testbed.cli import main
from testbed.readiness import State

LABEL = "com.docker.compose."


def inspected(service: str, *, number: int = 1, port: tuple[int, str] | None = None, **state: object) -> dict:
    """What `docker inspect` says of one container."""
    status = {"Status": "running", "Pid": 4711, "Health": {"Status": "healthy"}} | state
    binding = {f"{port[0]}/tcp": [{"HostIp": "127.0.0.1", "HostPort": port[1]}]} if port else {}
    labels = {
        f"{LABEL}service": service,
        f"{LABEL}container-number": str(number),
        f"{LABEL}project.working_dir": "/srv/testbed",
        f"{LABEL}project.config_files": "/srv/testbed/docker-compose.yml",
    }
    return {
        "Id": f"{service}-{number}",
        "Config": {"Labels": labels, "Healthcheck": {"Test": ["CMD", "true"]}},
        "State": status,
        "HostConfig": {"PortBindings": binding},
        "NetworkSettings": {"Ports": binding if status["Pid"] else {}},
    }


class Docker:
    """Stands for the docker command: knows some containers, and remembers what it was told."""

    def __init__(self, *found: dict) -> None:
        self.found, self.told = found, []

    def __call__(self, *words: str, **_: object) -> subprocess.CompletedProcess[str]:
        self.told.append(words)
        text = ""
        if words[0] == "ps":
            text = "\n".join(one["Id"] for one in self.found)
        if words[0] == "inspect":
            text = json.dumps(self.found)
        return subprocess.CompletedProcess(words, 0, text, "")


@pytest.fixture
def docker(monkeypatch):
    def install(*found: dict) -> Docker:
        fake = Docker(*found)
        for module in ("chaos.compose_project", "chaos.machinery.containers"):
            monkeypatch.setattr(f"{module}.docker", fake)
        return fake

    return install


PROJECT = ComposeProject("p", "/srv/testbed", ("/srv/testbed/docker-compose.yml",), ("/srv/testbed/.env",))


def test_containers_go_by_the_names_that_local_processes_have(docker):
    docker(
        inspected("toxiproxy"),
        inspected("worker-pg"),
        inspected("worker-pg", number=2),
        inspected("chroma"),
        inspected("locust"),
    )
    found = PROJECT.containers()
    assert list(found) == ["chroma_stub", "fault_proxy", "worker", "worker-2"]
    assert found["chroma_stub"].is_real


def test_a_dead_container_keeps_its_address(docker):
    docker(inspected("filesystem_server", port=(6001, "7001"), Status="exited", Pid=0))
    assert PROJECT.containers()["filesystem_server"].ports == {6001: 7001}


def test_a_range_is_no_address_until_it_runs(docker):
    docker(inspected("backend-pg", port=(8080, "8080-8081"), Status="exited", Pid=0))
    assert PROJECT.containers()["backend"].ports == {}


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ({}, State.READY),
        ({"Health": {"Status": "starting"}}, State.ALIVE),
        ({"Status": "paused"}, State.STOPPED),
        ({"Status": "exited", "Pid": 0}, State.DEAD),
    ],
)
def test_how_a_container_is(docker, state, expected):
    docker(inspected("worker", **state))
    assert compose.states(PROJECT) == {"worker": expected}


def test_a_container_runs_outside_the_network_under_its_published_port(docker, tmp_path):
    docker(inspected("backend", port=(8080, "9080")), inspected("neo4j", port=(7474, "8474")))
    system = compose.describe(tmp_path, PROJECT.containers())
    assert system.url("backend") == "http://127.0.0.1:9080"
    assert system.is_external("neo4j_stub")
    assert not system.is_external("backend")


def test_the_commands_choose_by_themselves(docker, tmp_path, monkeypatch):
    docker(inspected("worker", Status="exited", Pid=0), inspected("backend", port=(8080, "9080")))
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("TESTBED_STATE", raising=False)
    shown = json.loads(CliRunner().invoke(main, ["status", "--json"]).stdout)
    assert shown["state"] == str(tmp_path / ".testbed" / "compose")
    assert {one["name"]: one["state"] for one in shown["services"]} == {"backend": "ready", "worker": "dead"}
    assert isinstance(machinery_of(Path(shown["state"])), Containers)


def test_a_folder_that_was_named_is_never_exchanged(docker, tmp_path, monkeypatch):
    docker(inspected("backend", port=(8080, "9080")))
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(main, ["status", "--state", "here"])
    assert "no system in" in done.stderr
    assert not (tmp_path / "here").exists()


def test_local_processes_go_first_and_commands_that_begin_or_end_them_never_mean_containers(
    docker, tmp_path, monkeypatch
):
    fake = docker(inspected("backend", port=(8080, "9080")))
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("TESTBED_STATE", raising=False)
    assert "nothing was running" in CliRunner().invoke(main, ["down"]).stdout
    (tmp_path / ".testbed").mkdir()
    RunningSystem(tmp_path / ".testbed", 0, "none", None, {}, {}).save()
    CliRunner().invoke(main, ["status"])
    assert fake.told == []
    assert isinstance(machinery_of(tmp_path / ".testbed"), LocalProcesses)


def test_without_docker_there_is_no_project(monkeypatch):
    def missing(*_: str, **__: object) -> None:
        raise DockerTrouble("docker ps: no such file")

    monkeypatch.setattr(compose_project, "docker", missing)
    assert ComposeProject.running("p") is None


def test_kill_halt_and_start_are_dockers_own(docker):
    running = docker(inspected("toxiproxy"))
    containers = Containers(PROJECT)
    containers.kill("fault_proxy")
    containers.pause("fault_proxy")
    assert ("kill", "--signal", "KILL", "toxiproxy-1") in running.told
    assert ("pause", "toxiproxy-1") in running.told
    with pytest.raises(CannotDo, match="already runs"):
        containers.start("fault_proxy")
    docker(inspected("toxiproxy", Status="exited", Pid=0))
    with pytest.raises(CannotDo, match="does not run"):
        containers.kill("fault_proxy")
    with pytest.raises(CannotDo, match="there is: fault_proxy"):
        containers.kill("worker")


@pytest.mark.parametrize("tag", [OWN_CLOCK, OWN_MOUNTS])
def test_what_containers_cannot_do_is_skipped_with_the_reason(tag):
    assert "testbed up" in why_not([tag], knows_requests=True, in_containers=True)


def test_the_auditor_in_a_container_finds_the_files_that_up_would_have_written(tmp_path):
    env = {
        "INTERNAL_TOKEN_KEYS": "k:" + "x" * 32,
        "USER_TOKEN_KEYS": "k:" + "y" * 32,
        "SAGA_LOG_URL": "postgresql://h/d",
    }
    env |= {"NEO4J_PASSWORD": "secret", "TESTBED_REAL": "neo4j_stub"}
    inside.prepare(tmp_path, env)
    system = RunningSystem.load(tmp_path)
    assert system.url("chroma_stub") == "http://documents:6002"
    assert system.is_external("neo4j_stub")
    assert not system.is_external("chroma_stub")
    assert system.setting("NEO4J_PASSWORD") == "secret"
    assert system.saga_log == tmp_path / "data" / "backend" / "saga-log.sqlite3"
    assert system.internal_token()
    assert stat.S_IMODE((tmp_path / "secrets.env").stat().st_mode) == 0o600
    inside.prepare(tmp_path, env | {"TESTBED_LOG": "postgres"})
    assert RunningSystem.load(tmp_path).saga_log == "postgresql://h/d"
