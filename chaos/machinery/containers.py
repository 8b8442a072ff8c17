"""A system whose processes are containers of docker compose."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from chaos.compose_project import ComposeProject, Container, DockerTrouble, docker
from chaos.key_rotation import rotate
from chaos.machinery import CannotDo
from chaos.running_system import WORKER, is_worker

SOON = 180.0  # seconds until a started container must answer, also on a machine that is busy
_POLL = 0.2
_FREEZING = 10.0  # seconds for which a container that cannot be paused is tried again


class Containers:
    """The containers of one project.

    Args:
        alone: whether ``worker`` is that container only, as to `testbed kill`, not all workers, as to an experiment.
    """

    def __init__(self, project: ComposeProject, *, alone: bool = False) -> None:
        self.project, self.alone = project, alone
        self._second_workers: list[str] = []

    def kill(self, name: str) -> None:
        """docker's own kill: the restart policy leaves it dead."""
        self._each(name, lambda one: self._do(self._running(one), "kill", "--signal", "KILL"))

    def stop(self, name: str) -> None:
        self._each(name, lambda one: self._do(self._running(one), "stop"))

    def pause(self, name: str) -> None:
        self._each(name, self._pause)

    def resume(self, name: str) -> None:
        self._each(name, self._resume)

    def start(self, name: str, *, own_mounts: bool = False) -> None:
        """As it is in the compose file now: a container whose settings changed is made anew."""
        if own_mounts:
            raise CannotDo("a container cannot get mounts of its own: run this on local processes (`testbed up`)")
        first, *others = self._names(name)
        self._start(first)
        for other in others:  # it may run by now: `up` makes all containers of a service anew
            if not self._named(other).pid:
                self._start(other)

    def limit_files(self, name: str, full: bool) -> None:
        with _told():
            command = ("python", "-m", "chaos.machinery.file_limit", "full" if full else "free")
            docker("exec", self._running(name).id, *command)

    def start_second_worker(self, clock: float | None) -> None:
        if clock is not None:
            raise CannotDo("a container has the clock of its machine: run this on local processes (`testbed up`)")
        with _told():
            service = self._named("worker").service
            made = self.project.compose("run", "--detach", "--no-deps", service).stdout.split()[-1]
            self._second_workers.append(made)
            deadline = time.monotonic() + SOON
            while " is ready" not in _output(made):
                if time.monotonic() > deadline:
                    raise CannotDo(f"the second worker did not come up: {_output(made)[-300:]}")
                time.sleep(_POLL)

    def stop_second_workers(self) -> None:
        with _told():
            while self._second_workers:
                made = self._second_workers.pop()
                docker("stop", made)
                docker("rm", "--force", made)

    def rotate_keys(self) -> None:
        rotate(Path(self.project.env_files[-1]))

    def save_logs(self, folder: Path) -> None:
        with _told():
            folder.mkdir(parents=True, exist_ok=True)
            for name, container in self.project.containers().items():
                (folder / f"{name}.log").write_text(_output(container.id))

    def _each(self, name: str, act: Callable[[str], None]) -> None:
        """At once, as any of several workers may have the saga that is under way."""
        names = self._names(name)
        with ThreadPoolExecutor(len(names)) as pool:
            list(pool.map(act, names))

    def _names(self, name: str) -> list[str]:
        if name != WORKER or self.alone:
            return [name]
        with _told():
            return [one for one in self.project.containers() if is_worker(one)] or [name]

    def _pause(self, name: str) -> None:
        """The cgroup freezer stops every process of it at once.

        With cgroups of version 1 it gives up when a busy machine runs one of them meanwhile, so it gets further tries.
        """
        container = self._running(name)
        deadline = time.monotonic() + _FREEZING
        while True:
            try:
                self._do(container, "pause")
                return
            except CannotDo as error:
                if time.monotonic() > deadline or "unable to freeze" not in str(error):
                    raise
                time.sleep(_POLL)

    def _resume(self, name: str) -> None:
        container = self._named(name)
        if container.status == "paused":
            self._do(container, "unpause")

    def _start(self, name: str) -> None:
        container = self._named(name)
        if container.pid:
            halted = container.status == "paused"
            raise CannotDo(f"{name} already runs" + (" and is halted: let it go on first" if halted else ""))
        with _told():
            if self._is_outdated(container):
                self.project.compose("up", "--detach", "--no-deps", "--no-build", container.service)
            else:
                self._do(container, "start")
            self._wait_until_it_answers(name)

    def _named(self, name: str) -> Container:
        with _told():
            containers = self.project.containers()
        if name not in containers:
            raise CannotDo(f"no container {name!r} in project {self.project.name}; there is: {', '.join(containers)}")
        return containers[name]

    def _running(self, name: str) -> Container:
        container = self._named(name)
        if not container.pid:
            raise CannotDo(f"{name} does not run: `testbed start {name}` starts it again")
        return container

    def _do(self, container: Container, *words: str) -> None:
        with _told():
            docker(*words, container.id)

    def _is_outdated(self, container: Container) -> bool:
        """Whether its settings are others than those it was made with."""
        made_with = docker(
            "inspect", "--format", '{{index .Config.Labels "com.docker.compose.config-hash"}}', container.id
        )
        wanted = self.project.compose("config", "--hash", container.service).stdout.split()[-1]
        return made_with.stdout.strip() != wanted

    def _wait_until_it_answers(self, name: str) -> None:
        """By its own healthcheck, run at once: docker's turn may be seconds away."""
        deadline = time.monotonic() + SOON
        while not _answers(container := self._named(name)):
            if time.monotonic() > deadline:
                raise CannotDo(f"{name} did not answer within {SOON:.0f} s: {_output(container.id)[-300:]}")
            time.sleep(_POLL)


def _answers(container: Container) -> bool:
    kind, *command = container.check
    words = ["sh", "-c", *command] if kind == "CMD-SHELL" else command
    return bool(container.pid) and docker("exec", container.id, *words, check=False).returncode == 0


def _output(container: str) -> str:
    """What it wrote, of both streams."""
    done = docker("logs", container)
    return done.stdout + done.stderr


@contextmanager
def _told() -> Iterator[None]:
    """Docker's complaint as ours."""
    try:
        yield
    except DockerTrouble as trouble:
        raise CannotDo(str(trouble)) from trouble
