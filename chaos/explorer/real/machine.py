"""A participant of a real stage."""

from __future__ import annotations

import contextlib
import resource
import shutil
from collections.abc import Iterable, Mapping

import psutil
import requests

from chaos.explorer.machines import AppOnFolder, write_image
from chaos.explorer.real.processes import HOST, LIMIT, Nursery, free_port, kill_group, wait_until
from chaos.explorer.real.remote import Links
from chaos.explorer.remembered import Image
from chaos.explorer.wire import Answer, Ask, Request


class RealMachine(AppOnFolder):
    """A participant as a process of its own, for whoever deals with a simulated one: the checker among others.

    Its folder and its answers are real; what an app would be in this process is the process.

    Attributes:
        links: where its own calls lead.
    """

    def __init__(self, simulated: AppOnFolder, nursery: Nursery) -> None:
        super().__init__(
            simulated.name, simulated.folder, simulated.make, address=simulated.address, content=simulated.content
        )
        self.port, self.pid, self._nursery = free_port(), 0, nursery
        self.links: Links = {}
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.headers["Connection"] = "close"

    def open(self) -> None:
        """Start, and wait until it answers. Raises CannotStart."""
        self.start()
        self.wait()

    def start(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.pid = self._nursery.start(self.name, port=self.port, links=self.links)

    def wait(self) -> None:
        wait_until(self._answers, self.pid, self.name, self.folder.parent / f"{self.name}.log")

    def call(self, request: Request, ask: Ask, *, disk_full: bool = False) -> Answer:
        """Past all links and faults."""
        headers = {name: value for name, value in request.headers.items() if not name.startswith("x-simulated")}
        answer = self._session.request(
            request.method,
            f"http://{HOST}:{self.port}{request.path}",
            headers=headers,
            data=request.body,
            timeout=LIMIT,
        )
        return Answer.of(answer.status_code, answer.headers, answer.content)

    def close(self) -> None:
        """kill -9, all that belongs to it."""
        if self.pid:
            kill_group(self.pid)
        self.pid = 0

    def fill_disk(self, pid: int) -> None:
        """Not a byte more in any file, for this process of it; the limit is the kernel's and needs no root."""
        _limit_files(pid, 0)

    def empty_disk(self, pid: int) -> None:
        with contextlib.suppress(psutil.NoSuchProcess):
            _limit_files(pid, resource.RLIM_INFINITY)

    def _answers(self) -> bool:
        try:
            self._session.get(f"http://{HOST}:{self.port}/healthz", timeout=LIMIT)
        except requests.RequestException:
            return False
        return True


def put_back(machines: Iterable[RealMachine], images: Mapping[str, Image]) -> None:
    """All of them as they are in ``images``: killed, their folders written, started again, all at the same time."""
    for machine in machines:
        machine.close()
        shutil.rmtree(machine.folder, ignore_errors=True)
        machine.folder.mkdir(parents=True)
        write_image(machine.folder, images[machine.name])
        machine.start()
    for machine in machines:
        machine.wait()


def _limit_files(pid: int, limit: int) -> None:
    process = psutil.Process(pid)
    _, hard = process.rlimit(psutil.RLIMIT_FSIZE)
    process.rlimit(psutil.RLIMIT_FSIZE, (0 if limit == 0 else hard, hard))
