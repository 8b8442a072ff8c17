"""`docker compose config` takes the file in every profile, and refuses it without the secrets. It needs no engine."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner

from testbed import dotenv
from testbed.cli import main

ROOT = Path(__file__).parents[2]


def compose(*words: str) -> subprocess.CompletedProcess[str]:
    secret = {*dotenv.missing({}), *dotenv.ports(0)}
    env = {name: value for name, value in os.environ.items() if name not in secret}
    command = ["docker", "compose", "--project-directory", str(ROOT), *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, env=env)


def has_compose() -> bool:
    try:
        return subprocess.run(["docker", "compose", "version"], capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False


pytestmark = pytest.mark.skipif(not has_compose(), reason="no docker with Compose v2 here")


@pytest.fixture
def env_file(tmp_path: Path) -> Path:
    path = tmp_path / ".env"
    assert CliRunner().invoke(main, ["env", "--write", str(path), "--port-offset", "100"]).exit_code == 0
    return path


@pytest.mark.parametrize("profile", [*dotenv.PROFILES, "tools"])
def test_the_file_is_taken_in_every_profile(profile: str, env_file: Path):
    done = compose("--env-file", str(env_file), "--profile", profile, "config", "--format", "json")
    assert done.returncode == 0, done.stderr
    services = json.loads(done.stdout)["services"]
    assert {"filesystem_server", "git_server", "toxiproxy"} <= services.keys()
    for name, service in services.items():
        for port in service.get("ports", ()):
            assert port["host_ip"] == "127.0.0.1", name


def test_plain_up_starts_the_profile_of_the_env_file(env_file: Path):
    done = compose("--env-file", str(env_file), "config", "--services")
    assert set(done.stdout.split()) >= {"backend", "worker", "chroma_stub", "neo4j_stub"}
    assert "postgres" not in done.stdout


@pytest.mark.parametrize("name", sorted(dotenv.missing({})))
def test_without_a_secret_it_says_what_makes_one(name: str, env_file: Path):
    lines = env_file.read_text().splitlines()
    env_file.write_text("\n".join(line for line in lines if not line.startswith(f"{name}=")) + "\n")
    done = compose("--env-file", str(env_file), "--profile", "default", "config", "--quiet")
    assert done.returncode != 0
    assert "run `testbed env` first" in done.stderr
    assert name in done.stderr
