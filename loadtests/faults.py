"""The faults that a load test can meet: each a context manager that breaks one thing and mends it again."""

from __future__ import annotations

import random
import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

from chaos.experiments.proxy import FaultProxy
from chaos.experiments.run import ROOT
from chaos.running_system import RunningSystem

FILES, GIT, GRAPH = "backend_filesystem", "backend_git", "backend_neo4j"
LINKS = (FILES, GIT, GRAPH, "git_filesystem")
POST = {"method": "POST", "path": "^/(files|snapshot)/"}
KILLED = ("worker", "filesystem_server", "git_server", "neo4j_stub")
NOTHING = "none"
"""The ``--chaos`` of a load test without faults."""
Fault = Callable[["Scene"], AbstractContextManager[str]]


class UnknownFault(Exception):
    """The message names those that there are."""


class Scene:
    """A running system, and what the faults choose by.

    Attributes:
        chance: decides where each fault strikes.
    """

    def __init__(self, system: RunningSystem, chance: random.Random) -> None:
        self.system, self.chance = system, chance
        self.proxy = FaultProxy(system)

    def link(self) -> str:
        return self.chance.choice(LINKS)

    def toxic(self, kind: str, link: str | None = None, **attributes: Any) -> AbstractContextManager[str]:
        """A toxic while the ``with`` block runs; yields the link."""
        return _toxic(self.proxy, link or self.link(), kind, attributes)

    def request_fault(self, **attributes: Any) -> AbstractContextManager[str]:
        """An http_fault on one of the links over which sagas save."""
        return self.toxic("http_fault", self.chance.choice((FILES, GIT)), match=POST, toxicity=0.5, **attributes)


@contextmanager
def _toxic(proxy: FaultProxy, link: str, kind: str, attributes: dict[str, Any]) -> Any:
    name = proxy.add(link, kind, **attributes)
    try:
        yield link
    finally:
        proxy.remove(link, name)


@contextmanager
def _link_down(scene: Scene) -> Any:
    link = scene.link()
    scene.proxy.down(link)
    try:
        yield link
    finally:
        scene.proxy.up(link)


@contextmanager
def _killed(scene: Scene) -> Any:
    service = scene.chance.choice(KILLED)
    _testbed(scene.system.state, "kill", service)
    try:
        yield service
    finally:
        _testbed(scene.system.state, "start", service)


def _testbed(state: Path, *arguments: str) -> None:
    """Run a `testbed` command, out of reach of a Ctrl-C, so that what was killed comes back.

    Raises:
        CalledProcessError: it failed; its own words go to this process's stderr.
    """
    command = [sys.executable, "-m", "testbed", *arguments, "--state", str(state)]
    subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL, start_new_session=True)


FAULTS: Mapping[str, Fault] = {
    "latency": lambda scene: scene.toxic("latency", latency=200, jitter=150),
    "bandwidth": lambda scene: scene.toxic("bandwidth", rate=50),
    "slicer": lambda scene: scene.toxic("slicer", average_size=100, size_variation=50, delay=200),
    "reset": lambda scene: scene.toxic("reset_peer", timeout=0),
    "link-down": _link_down,
    "refused": lambda scene: scene.request_fault(action="status", status=409, body='{"type": "conflict"}'),
    "unavailable": lambda scene: scene.request_fault(action="status", status=503, deliver=True, retry_after=1),
    "answer-lost": lambda scene: scene.request_fault(action="drop_response"),
    "request-lost": lambda scene: scene.request_fault(action="drop_request", then="reset"),
    "late": lambda scene: scene.request_fault(action="duplicate", ms=1500),
    "kill": _killed,
}
NEED_REQUESTS = frozenset({"refused", "unavailable", "answer-lost", "request-lost", "late"})
ON_LINKS = tuple(name for name in FAULTS if name != "kill")
CHAOS: Mapping[str, tuple[tuple[str, ...], ...]] = {name: ((name,),) for name in FAULTS} | {
    "mixed": (ON_LINKS,),
    "mixed-kills": (ON_LINKS, ("kill",)),
}
"""What ``--chaos`` may say, as series of faults that run side by side: every fault alone, all on the links one after
the other, and these with kills meanwhile."""


def series_of(chaos: str, *, knows_requests: bool) -> list[list[str]]:
    """The series of faults that ``chaos`` means, without what the proxy cannot do. Raises UnknownFault."""
    if chaos not in CHAOS:
        raise UnknownFault(f"there is no chaos {chaos!r}; there are {', '.join(CHAOS)}")
    found = [[name for name in names if knows_requests or name not in NEED_REQUESTS] for names in CHAOS[chaos]]
    if not all(found):
        raise UnknownFault(f"{chaos} needs http_fault: start the system with --proxy embedded")
    return found
