"""A system that `docker compose up` started, and what the docker command can do to its containers.

A state folder with a ``compose.json`` stands for such a system; one without it, for processes of this machine.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

COMPOSE_FILE = "compose.json"
TOOLS = "tools"
"""The service that sees all disks and may write to none."""
TOLD = "told.jsonl"
"""What clients were told, in the state folder of a container that audits."""
NAMES: Mapping[str, str] = MappingProxyType(
    {
        **{name: name for name in ("backend", "worker", "filesystem_server", "git_server", "postgres")},
        **{"chroma_stub": "chroma_stub", "neo4j_stub": "neo4j_stub", "toxiproxy": "fault_proxy"},
        **{"backend-pg": "backend", "worker-pg": "worker", "chroma": "chroma_stub", "neo4j": "neo4j_stub"},
    }
)
"""Compose service to the name that the testbed knows it by; others are no part of the system."""
REAL = frozenset({"chroma", "neo4j"})
COMMAND_LIMIT = 120.0  # seconds that a docker command may take
_LABEL = "com.docker.compose."


class DockerTrouble(Exception):
    """The docker command could not do what was asked; the message is its last complaint."""


@dataclass(frozen=True)
class Container:
    """One container of a system.

    Attributes:
        name: as the testbed knows it: ``worker``, ``worker-2``, ``fault_proxy``.
        service: as the compose file knows it.
        status: docker's word: ``running``, ``paused``, ``exited``, ...
        health: ``healthy``, ``unhealthy``, ``starting``, or ``none``.
        pid: of its first process on the docker host; 0 when it does not run.
        ports: port inside to port on 127.0.0.1.
        check: the command of its healthcheck.
    """

    name: str
    id: str
    service: str
    status: str
    health: str
    pid: int
    ports: Mapping[int, int]
    check: tuple[str, ...]

    @property
    def is_real(self) -> bool:
        """Whether it is a real server in the place of a stub."""
        return self.service in REAL


@dataclass(frozen=True)
class ComposeProject:
    """One compose project.

    Attributes:
        directory, files, env_files: what it was started with; absolute paths.
    """

    name: str
    directory: str
    files: tuple[str, ...]
    env_files: tuple[str, ...]

    @classmethod
    def of(cls, state: Path) -> ComposeProject | None:
        """The project that the state folder stands for, or None: then it is of local processes."""
        path = state / COMPOSE_FILE
        if not path.exists():
            return None
        raw = json.loads(path.read_text())
        return cls(raw["name"], raw["directory"], tuple(raw["files"]), tuple(raw["env_files"]))

    @classmethod
    def running(cls, name: str) -> ComposeProject | None:
        """The project of this name, when docker is here and knows containers of it."""
        try:
            found = _inspect(name)
        except DockerTrouble:
            return None
        labels = next((one["Config"]["Labels"] for one in found), None)
        if labels is None:
            return None
        directory = labels[f"{_LABEL}project.working_dir"]
        files = tuple(labels[f"{_LABEL}project.config_files"].split(","))
        given = labels.get(f"{_LABEL}project.environment_file")
        return cls(name, directory, files, tuple(given.split(",")) if given else (str(Path(directory, ".env")),))

    def save(self, state: Path) -> None:
        """Let the state folder stand for this project."""
        (state / COMPOSE_FILE).write_text(json.dumps(asdict(self), indent=2))

    def containers(self) -> dict[str, Container]:
        """Its containers by the testbed's names, the dead ones too. Raises DockerTrouble."""
        found = [_container(one) for one in _inspect(self.name)]
        return {one.name: one for one in sorted(filter(None, found), key=lambda one: one.name)}

    def compose(
        self, *arguments: str, given: str | None = None, check: bool = True
    ) -> subprocess.CompletedProcess[str]:
        """Run `docker compose` on this project.

        Args:
            given: its standard input.
            check: whether another exit status than 0 raises.

        Raises:
            DockerTrouble: it failed, or is not here.
        """
        return docker(*self.compose_command(*arguments)[1:], given=given, check=check)

    def compose_command(self, *arguments: str) -> list[str]:
        """The whole command line of `docker compose ARGUMENTS` on this project."""
        words = ["docker", "compose", "--project-name", self.name, "--project-directory", self.directory]
        for file in self.files:
            words += ["--file", file]
        for file in self.env_files:
            words += ["--env-file", file]
        return [*words, *arguments]

    def inside_command(self, *command: str, journal: bool = False) -> list[str]:
        """The command line that runs ``command`` in a container which sees all disks of the system.

        Args:
            journal: whether the standard input is what clients were told; it becomes ``/state/told.jsonl``.
        """
        services = {container.service for container in self.containers().values()}
        real = ",".join(sorted(NAMES[service] for service in services & REAL))
        words = ["run", "--rm", "--no-deps", "-T", "-e", f"TESTBED_REAL={real}"]
        words += ["-e", "TESTBED_LOG=postgres"] if "postgres" in services else []
        words += ["-e", "TESTBED_JOURNAL=stdin"] if journal else []
        return self.compose_command(*words, TOOLS, *command)


def docker(
    *arguments: str, given: str | None = None, check: bool = True, timeout: float = COMMAND_LIMIT
) -> subprocess.CompletedProcess[str]:
    """Run the docker command; the arguments are those of ``ComposeProject.compose``. Raises DockerTrouble."""
    command = ["docker", *arguments]
    try:
        done = subprocess.run(
            command,
            input=given,
            stdin=subprocess.DEVNULL if given is None else None,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise DockerTrouble(f"docker {arguments[0]}: {error}") from error
    if check and done.returncode != 0:
        raise DockerTrouble(f"docker {' '.join(arguments)}: {(done.stderr or done.stdout).strip()[-500:]}")
    return done


def _inspect(project: str) -> Sequence[dict[str, Any]]:
    """What docker knows of the project's containers, but of those that `docker compose run` made."""
    filters = [f"label={_LABEL}project={project}", f"label={_LABEL}oneoff=False"]
    ids = docker("ps", "--all", "--quiet", *(f"--filter={one}" for one in filters)).stdout.split()
    found: list[dict[str, Any]] = json.loads(docker("inspect", *ids).stdout) if ids else []
    return found


def _container(raw: Mapping[str, Any]) -> Container | None:
    labels, state = raw["Config"]["Labels"], raw["State"]
    service, number = labels[f"{_LABEL}service"], int(labels[f"{_LABEL}container-number"])
    if service not in NAMES:
        return None
    # A dead container publishes nothing, but will do so again where its binding says, unless that is a range.
    published = (raw["HostConfig"]["PortBindings"] or {}) | (raw["NetworkSettings"]["Ports"] or {})
    return Container(
        name=NAMES[service] if number == 1 else f"{NAMES[service]}-{number}",
        id=raw["Id"],
        service=service,
        status=state["Status"],
        health=state.get("Health", {}).get("Status", "none"),
        pid=state["Pid"],
        ports={
            int(port.partition("/")[0]): int(where[0]["HostPort"])
            for port, where in published.items()
            if where and where[0]["HostPort"].isdecimal()
        },
        check=tuple(raw["Config"].get("Healthcheck", {}).get("Test", ())),
    )
