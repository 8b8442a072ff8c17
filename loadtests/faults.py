"""Faults that come and go while a load test runs: one at a time, for a moment, in an order that the seed decides.

    python -m loadtests.faults --state DIR --chaos mixed --seconds 15 --seed 7 --record faults.jsonl

It ends by itself after ``--seconds``, or on SIGTERM, and always heals what it broke.
"""

from __future__ import annotations

import argparse
import json
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from chaos.experiments.proxy import FaultProxy
from chaos.experiments.run import ROOT
from chaos.running_system import RunningSystem

FILES, GIT, GRAPH = "backend_filesystem", "backend_git", "backend_neo4j"
LINKS = (FILES, GIT, GRAPH, "git_filesystem")
POST = {"method": "POST", "path": "^/(files|snapshot)/"}
KILLED = ("worker", "filesystem_server", "git_server", "neo4j_stub")
LASTS = (0.5, 2.5)  # seconds
CALM = (0.2, 1.0)  # seconds between two faults
Fault = Callable[["Weather"], AbstractContextManager[str]]


class UnknownFault(Exception):
    """The message names those that there are."""


@dataclass
class Weather:
    """Brings one fault after the other to a running system.

    Attributes:
        knows_requests: whether the proxy has http_fault; what needs it is left out otherwise.
    """

    system: RunningSystem
    chance: random.Random

    def __post_init__(self) -> None:
        self.proxy = FaultProxy(self.system)
        self.knows_requests = self.proxy.knows_requests

    def blow(self, chaos: str, seconds: float, record: TextIO) -> int:
        """Let faults of the kind ``chaos`` come and go for ``seconds``; returns how many came. Raises UnknownFault."""
        faults, end, count = self._kinds(chaos), time.monotonic() + seconds, 0
        try:
            while (left := end - time.monotonic()) > 0:
                name = self.chance.choice(faults)
                began = time.time()
                with FAULTS[name](self) as where:
                    time.sleep(min(left, self.chance.uniform(*LASTS)))
                line = {"fault": name, "where": where, "began": began, "ended": time.time()}
                print(json.dumps(line), file=record, flush=True)
                count += 1
                time.sleep(self.chance.uniform(*CALM))
        finally:
            self.proxy.heal()
        return count

    def _kinds(self, chaos: str) -> list[str]:
        if chaos not in CHAOS:
            raise UnknownFault(f"there is no chaos {chaos!r}; there are {', '.join(CHAOS)}")
        found = [name for name in CHAOS[chaos] if self.knows_requests or name not in NEED_REQUESTS]
        if not found:
            raise UnknownFault(f"{chaos} needs http_fault: start the system with --proxy embedded")
        return found

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
def _link_down(weather: Weather) -> Any:
    link = weather.link()
    weather.proxy.down(link)
    try:
        yield link
    finally:
        weather.proxy.up(link)


@contextmanager
def _killed(weather: Weather) -> Any:
    service = weather.chance.choice(KILLED)
    _testbed(weather.system.state, "kill", service)
    try:
        yield service
    finally:
        _testbed(weather.system.state, "start", service)


def _testbed(state: Path, *arguments: str) -> None:
    command = [sys.executable, "-m", "testbed", *arguments, "--state", str(state)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)


FAULTS: Mapping[str, Fault] = {
    "latency": lambda weather: weather.toxic("latency", latency=200, jitter=150),
    "bandwidth": lambda weather: weather.toxic("bandwidth", rate=50),
    "slicer": lambda weather: weather.toxic("slicer", average_size=100, size_variation=50, delay=200),
    "reset": lambda weather: weather.toxic("reset_peer", timeout=0),
    "link-down": _link_down,
    "refused": lambda weather: weather.request_fault(action="status", status=409, body='{"type": "conflict"}'),
    "unavailable": lambda weather: weather.request_fault(action="status", status=503, deliver=True, retry_after=1),
    "answer-lost": lambda weather: weather.request_fault(action="drop_response"),
    "request-lost": lambda weather: weather.request_fault(action="drop_request", then="reset"),
    "late": lambda weather: weather.request_fault(action="duplicate", ms=1500),
    "kill": _killed,
}
NEED_REQUESTS = frozenset({"refused", "unavailable", "answer-lost", "request-lost", "late"})
CHAOS: Mapping[str, tuple[str, ...]] = {name: (name,) for name in FAULTS} | {
    "mixed": tuple(name for name in FAULTS if name != "kill"),
    "mixed-kills": (*FAULTS, "kill", "kill", "kill"),
}
"""What ``--chaos`` may say: every fault alone, all on the links, and these with a kill every few seconds."""


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m loadtests.faults", description=__doc__.partition("\n")[0])
    parser.add_argument("--state", type=Path, required=True)
    parser.add_argument("--chaos", choices=list(CHAOS), default="mixed")
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--record", type=Path, required=True)
    given = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # ends through every `finally` on the way
    weather = Weather(RunningSystem.load(given.state), random.Random(given.seed))
    with given.record.open("a") as record:
        weather.blow(given.chaos, given.seconds, record)
    return 0


if __name__ == "__main__":
    sys.exit(main())
