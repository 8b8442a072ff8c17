"""What is explored: participants, a saga over them, and how to tell right from wrong."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from chaos.explorer.machines import AppOnFolder
from chaos.explorer.remembered import State
from chaos.explorer.tokens import Tokens
from chaos.explorer.wire import Request

if TYPE_CHECKING:
    from chaos.explorer.run import System
    from chaos.explorer.world import Process


class Anomaly(StrEnum):
    """What a checker found, in the field's words."""

    ORPHAN = "orphan"
    LOST_COMPENSATION = "lost compensation"
    DOUBLE_EFFECT = "double effect"
    OVERTAKEN = "compensation overtaken by its action"
    DIRTY_READ = "dirty read"
    LOST_UPDATE = "lost update"
    FALSE_COMPENSATED = "false COMPENSATED"
    FALSE_COMMITTED = "false COMMITTED"
    STUCK = "stuck"
    WRONG_ORDER = "wrong order"
    LIMBO = "limbo"
    CORRUPT = "corrupt"
    OPEN_DOOR = "open door"
    TAMPERED = "tampered"


@dataclass(frozen=True)
class Finding:
    """One thing that must not be, with the first evidence in a sentence.

    Attributes:
        broken: the invariant or rule, like ``A2``.
        participant: where the evidence is, or None.
    """

    anomaly: Anomaly
    broken: str
    subject: str
    evidence: str
    saga_id: str | None = None
    participant: str | None = None

    def __str__(self) -> str:
        return f"{self.anomaly}: {self.subject}: {self.evidence}"


@dataclass(frozen=True)
class Judgement:
    """What a checker says of one run: what it found, and what it could not see."""

    findings: tuple[Finding, ...] = ()
    unseen: tuple[str, ...] = ()
    states: Mapping[str, str] = field(default_factory=dict)
    """Saga id to the state that the saga itself reports."""


@dataclass(frozen=True)
class Past:
    """Where every run of a scenario begins: the participants' states, and what coordinators have on disk."""

    states: Mapping[str, State]
    durable: Mapping[str, object]


class Scenario(ABC):
    """One saga (or several) over some participants. Subclasses are what ``--saga module:factory`` gives.

    A scenario is opened once for many runs. Whatever differs between runs belongs to the ``System`` of the run.

    Attributes:
        name: as in a schedule.
        lease: virtual seconds that a coordinator holds a saga without a sign of life.
    """

    name: str = "scenario"
    lease: float = 10.0

    @abstractmethod
    def machines(self, folder: Path, tokens: Tokens) -> Sequence[AppOnFolder]:
        """The participants, each on a folder of its own below ``folder``."""

    def past(self, system: System) -> None:  # noqa: B027 - most scenarios need none
        """Bring about what was there before (a former version of the files, say); nothing goes wrong here."""

    @abstractmethod
    def begin(self, system: System) -> None:
        """A client asks for the saga(s); nothing has had an effect yet, and nothing goes wrong here."""

    @abstractmethod
    def work(self, system: System, process: Process) -> None:
        """A coordinator's process: run what is asked for, recover what others left, return when nothing is left.

        It is called again, in another process, after a crash and while this one is paused.
        """

    @abstractmethod
    def judge(self, system: System) -> Judgement:
        """Look at the participants' states, not at what the saga says of itself, and say what is wrong."""

    def keep(self, durable: Mapping[str, object]) -> dict[str, object]:
        """A copy of what coordinators have on disk, for a run that begins there."""
        return dict(durable)

    def describe(self, participant: str, request: Request) -> str:
        """A call in a word or two; calls that mean different things should have different names."""
        return f"{request.method} {request.path.split('?')[0]}"

    def workers(self) -> int:
        """How many coordinators there are from the start."""
        return 1
