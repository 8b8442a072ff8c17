"""What the core needs from outside, as protocols. Fakes and real ones pass the same contract tests."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from backend.saga import limits
from backend.saga.events import Event, EventType
from backend.saga.history import History
from backend.saga.state import SagaState


class Clock(Protocol):
    """Wall-clock seconds, and a sleep that can be interrupted by whoever owns the clock."""

    def now(self) -> float: ...

    def sleep_until(self, at: float) -> None: ...


class Guard(Protocol):
    """Keeps compensations and confirms from hammering a participant that is away (R10)."""

    def admit(self, participants: Collection[str]) -> float:
        """When these may be called, in wall-clock seconds. If that is not in the future, the call counts as made."""

    def report(self, participant: str, success: bool) -> None:
        """What came of a call that was admitted."""


Draw = Callable[[], float]
"""A random number in [0, 1)."""
Together = Callable[[Sequence[Callable[[], Any]]], list[Any]]
"""Run the calls at the same time and return their results in order."""
Tell = Callable[[str, Event, History], None]
"""Told of each event of a saga after it is in the log, with what the saga's history then amounts to."""


@dataclass(frozen=True)
class SagaRecord:
    """One saga as the log lists it.

    Attributes:
        saga_type: which definition it follows (``wiki``); recovery looks the definition up by it.
        parameters: what the definition is built from; never file content, never a token.
        fence: counts the claims; a worker whose fence is not the newest can write nothing more (R9).
        last_seq: the number of the saga's newest event, from 1.
        lease_until, wake_at, created_at, updated_at: wall-clock seconds.
        head: the hash of the saga's newest event.
    """

    saga_id: str
    saga_type: str
    project_id: str
    user_id: str
    parameters: Mapping[str, Any]
    state: SagaState
    closed: bool
    worker: str | None
    fence: int
    last_seq: int
    lease_until: float
    wake_at: float
    created_at: float
    updated_at: float
    head: str


@dataclass(frozen=True)
class LoggedEvent:
    """An event where it stands in the log: ``position`` in the whole log, ``seq`` within its saga, both from 1.

    Attributes:
        hash: links it to the saga's event before (docs/saga-log.md).
    """

    position: int
    saga_id: str
    seq: int
    event: Event
    hash: str


@dataclass(frozen=True)
class Admission:
    """On what terms a new saga is let in; decided in the same step that enters it, never looked up before.

    Attributes:
        waiting_per_project, waiting: how many sagas of its type may be pending, itself included; None is without limit.
        only_if_free: no saga of its project may be open.
    """

    waiting_per_project: int | None = None
    waiting: int | None = None
    only_if_free: bool = False


ANYBODY = Admission()


@dataclass(frozen=True)
class NewSaga:
    """A saga to be entered into the log.

    Attributes:
        request_key: the client's Idempotency-Key, unique per project, or None.

    Raises:
        ValueError: a text that the log has no room for; the message names it.
    """

    saga_id: str
    saga_type: str
    project_id: str
    user_id: str
    parameters: Mapping[str, Any]
    request_key: str | None = None

    def __post_init__(self) -> None:
        limits.check("saga_id", self.saga_id, limits.SAGA_ID, least=1)
        limits.check("project_id", self.project_id, limits.PROJECT_ID)
        limits.check("user_id", self.user_id, limits.USER_ID)
        limits.check("request_key", self.request_key or "", limits.REQUEST_KEY)


class SagaLog(Protocol):
    """The durable, append-only log of all sagas (R12), and who may write to which (leases)."""

    def create(self, saga: NewSaga, event: Event, *, forced: bool = True, admission: Admission = ANYBODY) -> SagaRecord:
        """Enter a saga with its first event, on disk when this returns if ``forced``.

        Raises:
            SagaExists: its id or request key is in the log already.
            ProjectBusy, TooManyWaiting: ``admission`` does not let it in.
        """

    def claim(self, saga_id: str, worker: str, lease: float, now: float) -> SagaRecord:
        """Take one saga over for ``lease`` seconds. Raises UnknownSaga, LeaseLost when somebody else holds it.

        A lease that ends implausibly far ahead (``backend.lease.latest_end``) holds nothing, here and in claim_next.
        """

    def claim_next(self, worker: str, lease: float, now: float, saga_types: Collection[str]) -> SagaRecord | None:
        """Take the next saga that needs work: open, awake, not leased, the oldest open one of its project (R11)."""

    def renew(self, worker: str, lease: float, now: float, saga_ids: Collection[str]) -> None:
        """Extend the leases of those of ``saga_ids`` that ``worker`` still holds to ``now + lease``.

        Named, because a worker may hold what it does not know of: a claim whose answer was lost must come to its end.
        """

    def release(self, saga_id: str, fence: int, wake_at: float) -> None:
        """Give a saga back; nobody needs to look at it before ``wake_at``."""

    def wake(self, now: float, limit: int | None = None) -> None:
        """Let sleeping sagas be looked at now, those first that would wake first: what they wait for may be back."""

    def append(self, saga_id: str, fence: int, known_seq: int, events: Sequence[Event]) -> list[LoggedEvent]:
        """Append as the holder of ``fence``; returns all events after ``known_seq``: an operator's, then these.

        An event that closes the saga gives it back as well. On disk before it returns if one of
        ``events`` is of a FORCED type. Raises LeaseLost, UnknownSaga.
        """

    def operate(self, saga_id: str, allowed: Sequence[SagaState], events: Sequence[Event]) -> SagaRecord:
        """Append as an operator, without a lease. Raises UnknownSaga, NotAllowed when the state is another."""

    def get(self, saga_id: str) -> SagaRecord:
        """Raises UnknownSaga."""

    def by_request_key(self, project_id: str, request_key: str) -> SagaRecord | None:
        """The saga that this Idempotency-Key started."""

    def events(self, saga_id: str, after_seq: int = 0) -> list[LoggedEvent]:
        """The saga's events in order."""

    def events_of(self, saga_ids: Sequence[str], types: Collection[EventType]) -> list[LoggedEvent]:
        """Those events of these sagas that are of these types, in the order of the log; few queries for many sagas."""

    def all_events(
        self, after_position: int, limit: int, types: Collection[EventType] | None = None
    ) -> list[LoggedEvent]:
        """The whole log in order, from the event after ``after_position``; only events of ``types`` if given."""

    def last_position(self) -> int:
        """The position of the log's newest event; 0 when it is empty."""

    def counts(self) -> Mapping[SagaState, int]:
        """How many sagas are in each state that any is in."""

    def spare(self, worker: str, participants: Collection[str], now: float, until: float) -> None:
        """Say which participants ``worker`` spares (R10); it holds until it says otherwise, or ``until``."""

    def spared(self, now: float) -> Mapping[str, int]:
        """How many workers spare each participant that any spares."""

    def find(
        self,
        *,
        state: SagaState | None = None,
        project_id: str | None = None,
        since: float | None = None,
        open_only: bool = False,
        limit: int = 100,
        before: tuple[float, str] | None = None,
    ) -> list[SagaRecord]:
        """Sagas, newest first; ``before`` is the (created_at, saga_id) of the last one of the page before."""

    def close(self) -> None:
        """Flush and let go of the file or connection."""
