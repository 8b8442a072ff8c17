"""`testbed env`: the secrets of docker compose."""

from __future__ import annotations

import stat

import pytest
from click.testing import CliRunner

from chaos.key_rotation import rotate
from service_kit.tokens import KeyRing
from testbed import dotenv
from testbed.cli import main


@pytest.fixture
def path(tmp_path):
    return tmp_path / ".env"


def env(path, *options: str):
    return CliRunner().invoke(main, ["env", "--write", str(path), *options])


def values(path) -> dict[str, str]:
    return dotenv.parse(path.read_text())


def test_it_makes_strong_secrets_that_only_the_owner_reads(path):
    done = env(path)
    assert done.exit_code == 0
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    for name in dotenv.KEYS:
        assert KeyRing.parse(values(path)[name])
    assert all(len(values(path)[name]) >= 32 for name in dotenv.PASSWORDS)
    assert values(path)["COMPOSE_PROFILES"] == "default"


def test_it_shows_no_value(path):
    shown = env(path).output + env(path, "--rotate").output
    assert not [name for name in (*dotenv.KEYS, *dotenv.PASSWORDS) if values(path)[name] in shown]


def test_again_it_keeps_what_is_there_and_says_so(path):
    env(path)
    before = path.read_text()
    done = env(path)
    assert path.read_text() == before
    assert "kept" in done.output
    assert "made" not in done.output


def test_only_what_is_missing_is_added(path):
    path.write_text("NEO4J_PASSWORD=mine-and-mine-alone\nOWN=1\n")
    env(path)
    assert values(path) | {"NEO4J_PASSWORD": "mine-and-mine-alone", "OWN": "1"} == values(path)
    assert dotenv.missing(values(path)) == {}


def test_profile_and_ports_can_be_changed(path):
    env(path)
    keys = values(path)["USER_TOKEN_KEYS"]
    env(path, "--profile", "postgres", "--port-offset", "500")
    assert values(path)["COMPOSE_PROFILES"] == "postgres"
    assert (values(path)["BACKEND_PORT"], values(path)["GIT_FILESYSTEM_PORT"]) == ("8580", "26501")
    assert values(path)["BACKEND_PORTS"] == "8580-8581"
    assert values(path)["USER_TOKEN_KEYS"] == keys


def test_rotation_keeps_the_former_key_valid_and_drops_the_one_before(path):
    env(path)
    rings = [KeyRing.parse(values(path)["INTERNAL_TOKEN_KEYS"])]
    for _ in range(2):
        assert env(path, "--rotate").exit_code == 0
        rings.append(KeyRing.parse(values(path)["INTERNAL_TOKEN_KEYS"]))
    first, second, third = (ring.signing[0] for ring in rings)
    assert list(rings[1].keys) == [second, first]
    assert list(rings[2].keys) == [third, second]


def test_rotation_leaves_everything_else_as_it_is(path):
    path.write_text("# note\nUSER_TOKEN_KEYS=a:x\nNEO4J_PASSWORD=a=b\n\nOWN=1\n")
    assert rotate(path) == ["USER_TOKEN_KEYS"]
    lines = path.read_text().splitlines()
    assert [lines[0], *lines[2:]] == ["# note", "NEO4J_PASSWORD=a=b", "", "OWN=1"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_there_is_nothing_to_rotate_in_a_file_without_keys(path):
    done = env(path, "--rotate")
    assert done.exit_code == 1
    assert "testbed env" in done.output
    assert not path.exists()
