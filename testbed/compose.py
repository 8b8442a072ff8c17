"""A system that docker compose runs, as the commands see it: its addresses, and how its containers are."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path

from chaos.compose_project import ComposeProject, Container
from chaos.machinery import CannotDo
from chaos.machinery.containers import Containers
from chaos.running_system import SECRETS_FILE, RunningSystem, Service
from testbed.errors import Failure
from testbed.inside import address
from testbed.layout import FAULT_PROXY, HOST, LINKS, PORTS
from testbed.readiness import State

PROJECT = "saga-testbed"
VARIABLE = "COMPOSE_PROJECT_NAME"
FOLDER = "compose"
DEAD = -1  # in the place of a pid; 0 means a real server


def adopt(state: Path) -> Path | None:
    """The state folder below ``state`` that stands for the compose project which runs, or None when none does.

    What it says of addresses is as they are now, and its secrets are the project's ``.env`` itself.
    """
    project = ComposeProject.running(os.environ.get(VARIABLE) or PROJECT)
    containers = project.containers() if project else {}
    if project is None or not any(one.pid for one in containers.values()):
        return None
    folder = state / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    secrets = folder / SECRETS_FILE
    secrets.unlink(missing_ok=True)
    secrets.symlink_to(project.env_files[-1])
    project.save(folder)
    describe(folder, containers).save()
    return folder


def describe(folder: Path, containers: dict[str, Container]) -> RunningSystem:
    """The system's addresses on this machine. What is not published has none; a real server has pid 0."""
    services = {name: _service(one, containers.get(FAULT_PROXY)) for name, one in containers.items()}
    proxy = containers.get(FAULT_PROXY)
    ports = proxy.ports if proxy else {}
    return RunningSystem(
        state=folder,
        port_offset=0,
        proxy_kind="toxiproxy",
        proxy_url=services[FAULT_PROXY].url if proxy else None,
        services=services,
        links={
            link.name: (f"{HOST}:{ports[link.listen]}", address(link.service)) for link in LINKS if link.listen in ports
        },
    )


def states(project: ComposeProject) -> dict[str, State]:
    """How every container is, by docker's own word and its healthcheck's."""
    return {name: _state(one) for name, one in project.containers().items()}


def signal(project: ComposeProject, name: str, word: str) -> None:
    """``KILL``, ``TERM``, ``STOP`` or ``CONT`` to a container. Raises Failure."""
    containers = Containers(project, alone=True)
    act = {"KILL": containers.kill, "TERM": containers.stop, "STOP": containers.pause, "CONT": containers.resume}[word]
    _do(act, name)


def start(project: ComposeProject, name: str, *, own_mounts: bool = False) -> None:
    """Start a container again and wait until it answers. Raises Failure."""
    _do(partial(Containers(project, alone=True).start, own_mounts=own_mounts), name)


def _do(act: Callable[[str], None], name: str) -> None:
    try:
        act(name)
    except CannotDo as error:
        raise Failure(str(error)) from None


def _state(container: Container) -> State:
    if container.status == "paused":
        return State.STOPPED
    if not container.pid:
        return State.DEAD
    return State.READY if container.health in ("healthy", "none") else State.ALIVE


def _service(container: Container, proxy: Container | None) -> Service:
    kind = container.name.partition("-")[0]
    port = container.ports.get(PORTS.get(kind, 0))
    link = next((link for link in LINKS if link.service == kind and link.caller == "backend"), None)
    through = proxy.ports.get(link.listen) if proxy and link else None
    return Service(
        name=container.name,
        pid=0 if container.is_real else container.pid or DEAD,
        url=f"http://{HOST}:{port}" if port else None,
        proxied_url=f"http://{HOST}:{through}" if through else None,
    )
