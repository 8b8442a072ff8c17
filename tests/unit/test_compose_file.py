"""What docker-compose.yml promises, read as YAML: no docker is needed."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import yaml

from chaos.compose_project import NAMES, REAL, TOOLS
from testbed import dotenv
from testbed.inside import address
from testbed.layout import LINKS, PORTS

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docker-compose.yml").read_text()
FILE = yaml.safe_load(TEXT)
SERVICES = FILE["services"]
ONE_SHOT = {"tools", "chroma-volume"}  # they end by themselves: nobody asks for their health
WRITES_TO_ITSELF = {"neo4j"}  # its image writes its configuration and logs beside its program at every start
REQUIRED = re.compile(r"\$\{(\w+):\?[^}]+\}")
each_service = pytest.mark.parametrize("name", SERVICES)


def active(profile: str) -> set[str]:
    return {name for name, one in SERVICES.items() if profile in one.get("profiles", [profile])}


def test_there_is_no_version_line():
    assert "version" not in FILE


@each_service
def test_ports_are_published_on_the_loopback_address_only(name):
    for port in SERVICES[name].get("ports", ()):
        assert port.startswith("127.0.0.1:"), port


@each_service
def test_no_service_runs_as_root_or_can_become_it(name):
    service = SERVICES[name]
    assert service["user"].split(":")[0] not in ("", "0", "root")
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert not service.get("privileged")
    assert not any("docker.sock" in str(volume) for volume in service.get("volumes", ()))


@each_service
def test_the_root_folder_cannot_be_written(name):
    assert SERVICES[name].get("read_only", False) is (name not in WRITES_TO_ITSELF)


@each_service
def test_every_service_has_limits_and_a_bounded_log(name):
    limits = SERVICES[name]["deploy"]["resources"]["limits"]
    assert {"cpus", "memory", "pids"} <= limits.keys()
    assert SERVICES[name]["logging"]["options"]["max-size"]


@each_service
def test_what_stays_up_has_a_healthcheck_and_comes_back(name):
    service = SERVICES[name]
    if name in ONE_SHOT:
        assert service["restart"] == "no"
        return
    assert service["healthcheck"]["test"][0] in ("CMD", "CMD-SHELL")
    assert service["restart"] == ("no" if name == "locust" else "unless-stopped")


@each_service
def test_whoever_waits_waits_for_health(name):
    for other, how in SERVICES[name].get("depends_on", {}).items():
        wanted = "service_completed_successfully" if other in ONE_SHOT else "service_healthy"
        assert how["condition"] == wanted


@each_service
def test_images_are_pinned(name):
    image = re.sub(r"\$\{\w+:-([^}]+)\}", r"\1", SERVICES[name]["image"])
    assert image == "saga-testbed" or re.fullmatch(r"[\w./-]+:\d+\.\d+[\w.-]*", image), image


def test_the_base_of_our_own_image_is_pinned_and_its_user_is_not_root():
    dockerfile = (ROOT / "Dockerfile").read_text()
    assert "ARG PYTHON_IMAGE=python:3.11-slim-bookworm\n" in dockerfile
    assert dockerfile.count("FROM ${PYTHON_IMAGE}") == 2  # built in one stage, run in another
    assert re.findall(r"^USER (.*)$", dockerfile, re.MULTILINE) == ["10001:10001"]


def test_no_secret_has_a_default():
    for name, one in SERVICES.items():
        for variable, value in one.get("environment", {}).items():
            if re.search("KEYS|PASSWORD|AUTH|TOKEN", variable):
                assert REQUIRED.search(str(value)), f"{variable} of {name}"
                assert not re.search(r"\$\{\w+:?-", str(value)), f"{variable} of {name} has a default"


def test_the_env_file_that_the_command_makes_has_all_that_is_required():
    assert set(REQUIRED.findall(TEXT)) == dotenv.missing({}).keys()


def test_every_published_port_can_be_shifted():
    used = {
        match for one in SERVICES.values() for port in one.get("ports", ()) for match in re.findall(r"\{(\w+)-", port)
    }
    assert used == dotenv.ports(0).keys()
    for name, one in SERVICES.items():
        for port in one.get("ports", ()):
            variable, usual = re.search(r"\{(\w+)-([\d-]+)\}", port).groups()
            assert dotenv.ports(0)[variable] == usual, name


@pytest.mark.parametrize("profile", dotenv.PROFILES)
def test_every_profile_has_the_whole_system(profile):
    names = [NAMES[name] for name in active(profile) if name in NAMES]
    assert sorted(set(names) - {"postgres"}) == sorted({*PORTS, "worker"})
    assert len(names) == len(set(names)), "two services would take the same place"
    assert {name for name in active(profile) if name in REAL} == (REAL if profile == "real" else set())


def test_postgres_has_two_workers_and_two_backends():
    assert {SERVICES[name]["deploy"]["replicas"] for name in ("backend-pg", "worker-pg")} == {2}


def test_the_links_are_those_of_local_systems():
    links = json.loads((ROOT / "compose" / "links.json").read_text())
    assert links == [
        {"name": link.name, "listen": f"0.0.0.0:{link.listen}", "upstream": address(link.service), "enabled": True}
        for link in LINKS
    ]


def test_callers_reach_participants_through_the_fault_proxy_only():
    both = {name for name, one in SERVICES.items() if {"callers", "participants"} <= set(one.get("networks", ()))}
    assert both == {"toxiproxy", TOOLS, "locust"}
    for link in LINKS:
        for name in ("backend", "worker") if link.caller == "backend" else ("git_server",):
            assert SERVICES[name]["environment"][link.variable] == f"http://toxiproxy:{link.listen}"


def test_the_tools_may_write_to_no_disk():
    disks = [volume for volume in SERVICES[TOOLS]["volumes"] if ":/state/data/" in volume]
    assert len(disks) == 5
    assert all(disk.endswith(":ro") for disk in disks)
