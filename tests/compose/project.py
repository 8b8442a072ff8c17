"""One compose project for tests: a name and ports of its own, and nothing left of it afterwards."""

from __future__ import annotations

import json
import re
import secrets
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.compose.images import ROOT, Images, docker
from tests.system.support import environment, free_offset

COMMAND_LIMIT = 300.0  # seconds


@dataclass(frozen=True)
class Project:
    """A project under test, and the folder in which a user of it stands."""

    name: str
    folder: Path
    env_file: Path

    def compose(self, *words: str) -> str:
        """`docker compose`, which must succeed; returns what it printed."""
        where = (
            "--project-name",
            self.name,
            "--file",
            str(ROOT / "docker-compose.yml"),
            "--env-file",
            str(self.env_file),
        )
        done = docker("compose", *where, *words)
        assert done.returncode == 0, done.stderr[-3000:]
        return done.stdout

    def testbed(self, *words: str) -> subprocess.CompletedProcess[str]:
        """`testbed` as a user calls it: no state folder is named, so it finds the containers by itself."""
        return subprocess.run(
            [sys.executable, "-m", "testbed", *words],
            cwd=self.folder,
            env=environment(COMPOSE_PROJECT_NAME=self.name),
            capture_output=True,
            text=True,
            timeout=COMMAND_LIMIT,
            check=False,
        )

    def done(self, *words: str) -> str:
        """What a command printed that must succeed."""
        done = self.testbed(*words)
        assert done.returncode == 0, (words, done.stdout[-3000:], done.stderr[-3000:])
        return done.stdout

    def as_documented(self, *words: str) -> None:
        """Run the shell block of docs/deploy.md that has these words, as its reader would, in the project's folder."""
        text = (ROOT / "docs" / "deploy.md").read_text()
        blocks = re.findall(r"^```sh\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
        (block,) = (block for block in blocks if all(word in block for word in words))
        env = environment(COMPOSE_PROJECT_NAME=self.name, COMPOSE_FILE=str(ROOT / "docker-compose.yml"))
        env |= {"COMPOSE_ENV_FILES": str(self.env_file), "PATH": f"{Path(sys.executable).parent}:{env['PATH']}"}
        command = ["bash", "-euo", "pipefail", "-c", block]
        done = subprocess.run(
            command, cwd=self.folder, env=env, capture_output=True, text=True, timeout=COMMAND_LIMIT, check=False
        )
        assert done.returncode == 0, (block, done.stdout[-2000:], done.stderr[-2000:])

    def json(self, *words: str) -> Any:
        return json.loads(self.done(*words, "--json"))

    def container(self, service: str) -> str:
        return self.compose("ps", "--all", "--quiet", service).split()[0]

    def port(self, service: str, inside: int) -> int:
        """The port of this machine at which a port of the service is published."""
        return int(self.compose("port", service, str(inside)).rpartition(":")[2])

    def execute(self, service: str, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a command in a container."""
        return docker("exec", self.container(service), *command)

    def inspect(self, service: str) -> Any:
        """What docker knows of a service's container."""
        return json.loads(docker("inspect", self.container(service)).stdout)[0]

    def remove(self) -> None:
        """All of it, with its data; a second time, if a command that was broken off made something meanwhile."""
        for _ in range(2):
            self.compose("--profile", "*", "down", "--volumes", "--remove-orphans", "--timeout", "5")
            if not self.left():
                return

    def left(self) -> list[str]:
        """What there still is of it."""
        label = f"label=com.docker.compose.project={self.name}"
        kinds = (("ps", "--all"), ("volume", "ls"), ("network", "ls"))
        return [line for kind in kinds for line in docker(*kind, "--quiet", "--filter", label).stdout.split()]


@contextmanager
def project(folder: Path, profile: str, images: Images, *names: str) -> Iterator[Project]:
    """A project that is up, on these images besides ours. Raises NoImage.

    Args:
        names: the variables of docker-compose.yml that name them.
    """
    found = Project(f"testbed-test-{secrets.token_hex(4)}", folder, folder / ".env")
    chosen = images.variables(names)
    found.done("env", "--profile", profile, "--port-offset", str(free_offset()))
    with found.env_file.open("a") as file:
        file.writelines(f"{variable}={image}\n" for variable, image in chosen.items())
    try:
        found.compose("up", "--detach", "--wait")  # it builds what is not there
        yield found
    finally:
        found.remove()
    assert found.left() == []
