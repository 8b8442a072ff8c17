"""One run of one experiment: the system that it breaks, what it did there, and what went other than claimed."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from chaos.auditor.audit import AuditReport
from chaos.experiments.client import BackendClient, Status
from chaos.experiments.proxy import FaultProxy
from chaos.machinery import machinery_of
from chaos.running_system import RunningSystem

ROOT = Path(__file__).parents[2]
SOON = 30.0  # seconds until something must have begun
PATIENCE = 90.0  # seconds until a saga must be decided once the faults are healed


@dataclass
class Run:
    """What the actions, probes and the evidence of one experiment share.

    Attributes:
        project: the one that the experiment works on.
        began: Unix seconds.
        proxy_event: the fault proxy's newest event when the run began; 0 with Toxiproxy itself.
        edition: of the project's documents, the last one that was taken.
        toxics: (link, name) of every toxic that was added and must fire.
        answers: the final status of every saga that the run waited for.
        problems: what went other than the experiment claims, one sentence each.
        touched: processes that were killed or paused and may have to be brought back.
        left: what the healing could not heal, each with what to type.
    """

    system: RunningSystem
    project: str
    began: float = field(default_factory=time.time)
    proxy_event: int = 0
    toxics: list[tuple[str, str]] = field(default_factory=list)
    current: str = ""
    edition: str = ""
    answers: list[Status] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    touched: dict[str, str] = field(default_factory=dict)
    left: list[str] = field(default_factory=list)
    report: AuditReport | None = None

    def __post_init__(self) -> None:
        self.machinery = machinery_of(self.system.state)
        self.proxy = FaultProxy(self.system)
        self.client = BackendClient(self.system)
        self.knows_requests = self.proxy.knows_requests
        self.proxy_event = self.proxy.last_event() if self.knows_requests else 0

    def expect(self, status: Status, states: list[str]) -> None:
        """Note a problem unless the saga ended in one of ``states``."""
        self.answers.append(status)
        if status["state"] not in states:
            error = f" ({status['error']})" if status.get("error") else ""
            wanted = " or ".join(states)
            self.problems.append(f"{status['saga_id']} is {status['state']}{error}, not {wanted}")

    def fired(self) -> None:
        """Note a problem for every toxic that never fired: a fault that was not there proves nothing."""
        if self.knows_requests:
            seen = {(event.get("proxy"), event.get("toxic")) for event in self.proxy.events(self.proxy_event)}
            self.problems += [
                f"{toxic} on {link} never fired" for link, toxic in self.toxics if (link, toxic) not in seen
            ]
        self.toxics.clear()


_current: dict[str, Run] = {}


def begin(configuration: dict[str, Any]) -> Run:
    """Start a new run. Raises NoSystem, NoSuchLink."""
    _current.clear()
    system = RunningSystem.load(Path(configuration["state"]).absolute())
    _current["run"] = Run(system, configuration["project"])
    return _current["run"]


def current(configuration: dict[str, Any]) -> Run:
    """The run that is under way. Chaos Toolkit hands nothing from one activity to the next, so it is kept here."""
    return _current.get("run") or begin(configuration)


def last() -> Run | None:
    """The run that was begun last, if any was."""
    return _current.get("run")
