"""Starting and steering generations: what the HTTP routes call, without any HTTP."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from backend.distributed_saga import INLINE
from backend.queue_limits import WITHOUT_LIMIT, QueueLimits, seconds_until_a_place_is_free
from backend.saga.errors import NotAllowed, SagaExists
from backend.saga.events import Event, EventType
from backend.saga.history import History, read_history
from backend.saga.ports import Admission, Clock, LoggedEvent, NewSaga, SagaLog, SagaRecord
from backend.saga.state import SagaState
from backend.saga.status import status_of
from backend.statistics import TELLING, statistics
from backend.wiki.saga import CREATE_SNAPSHOT
from backend.wiki.source import WIKI

POLL = 0.05  # seconds between looks at a saga that somebody waits for
RECENT = 5  # generations whose times tell how long one takes now
STATS_LIMIT = 10_000  # newest sagas of a window that the statistics read
CANCELLABLE = (SagaState.PENDING, SagaState.EXECUTING)
BY_ITSELF = "when the saga's own process goes on or executes it again"
"""When a verb takes effect on a saga that no worker takes up."""


@dataclass(frozen=True)
class Operator:
    """Who steers a saga by hand, and why: all of it stands in the saga's history (R10).

    Attributes:
        by: the name that was given.
        authenticated_as: the user of the token; whoever asks may give any name, but not any token.
    """

    by: str
    authenticated_as: str
    reason: str


@dataclass(frozen=True)
class Generations:
    """The sagas of this backend, seen from outside.

    Attributes:
        new_id: makes a saga id for a project.
        sleep: seconds; injected so that tests need not wait.
        limits: how many generations may wait for their turn.
    """

    saga_log: SagaLog
    clock: Clock
    new_id: Callable[[str], str]
    sleep: Callable[[float], None] = time.sleep
    limits: QueueLimits = WITHOUT_LIMIT

    def start(
        self, project_id: str, user_id: str, *, request_key: str | None = None, reject_when_busy: bool = False
    ) -> SagaRecord:
        """Enter a generation into the log; a repeated ``request_key`` finds the first one again (R3).

        Raises:
            ProjectBusy: ``reject_when_busy`` and a saga of the project is open.
            TooManyWaiting: the queue is full, of the project or of all.
        """
        if request_key and (first := self.saga_log.by_request_key(project_id, request_key)):
            return first
        admission = Admission(self.limits.per_project, self.limits.in_all, only_if_free=reject_when_busy)
        asked = Event(EventType.REQUESTED, self.clock.now(), None, {"project": project_id, "user": user_id})
        saga = NewSaga(self.new_id(project_id), WIKI, project_id, user_id, {}, request_key)
        try:
            return self.saga_log.create(saga, asked, admission=admission)
        except SagaExists:  # the same key came twice at the same time, and the other one was first
            first = self.saga_log.by_request_key(project_id, request_key or "")
            if first is None:
                raise
            return first

    def retry_after(self) -> float:
        """Seconds after which it makes sense to ask again once the queue was full."""
        newest = self.saga_log.find(state=SagaState.COMMITTED, limit=RECENT)
        histories = [self._events(record.saga_id) for record in newest]
        return seconds_until_a_place_is_free(histories)

    def wait(self, saga_id: str, seconds: float) -> SagaRecord:
        """The saga once it is decided (committed, rolled back, parked), or as it stands after ``seconds``."""
        deadline = self.clock.now() + seconds
        while True:
            record = self.saga_log.get(saga_id)
            if record.state in (SagaState.COMMITTED, SagaState.ROLLED_BACK, SagaState.FAILED):
                return record
            if self.clock.now() >= deadline:
                return record
            self.sleep(POLL)

    def status(self, record: SagaRecord) -> dict[str, Any]:
        """The saga's status with project, user and times, and once it is known: what was generated and stored."""
        events = self._events(record.saga_id)
        history = read_history(events)
        return (
            status_of(record.saga_id, history)
            | _generated(events)
            | _stored(history)
            | {
                "saga_type": record.saga_type,
                "project_id": record.project_id,
                "user_id": record.user_id,
                "created_at": record.created_at,
                "updated_at": record.updated_at,
            }
        )

    def statistics(self, window: float, project_id: str | None) -> dict[str, Any]:
        """Figures over the sagas that were asked for in the last ``window`` seconds, of one project or of all."""
        records = self.saga_log.find(project_id=project_id, since=self.clock.now() - window, limit=STATS_LIMIT)
        entries = self.saga_log.events_of([record.saga_id for record in records], TELLING)
        dead = self.saga_log.find(state=SagaState.FAILED, project_id=project_id, limit=STATS_LIMIT)
        return statistics(entries) | {"window": window, "dead_letters": len(dead)}

    def cancel(self, saga_id: str, operator: Operator) -> SagaRecord:
        """Ask an undecided saga to roll back. Raises UnknownSaga, NotAllowed."""
        return self._operate(saga_id, CANCELLABLE, (EventType.CANCEL_REQUESTED, None), operator=operator)

    def retry(self, saga_id: str, operator: Operator) -> SagaRecord:
        """Let a parked saga try its rollback again, now. Raises UnknownSaga, NotAllowed."""
        check_retry(self.saga_log.get(saga_id))
        return self._operate(saga_id, (SagaState.FAILED,), (EventType.RETRY_REQUESTED, None), operator=operator)

    def skip(self, saga_id: str, operator: Operator) -> SagaRecord:
        """Give up undoing the step on which a parked saga is stuck, and go on with the others (R10).

        One that runs in its caller's process stays parked, for all to see, until it is executed again there.

        Raises:
            UnknownSaga, NotAllowed.
        """
        verbs: list[tuple[EventType, str | None]] = [(EventType.UNDO_SKIPPED, self.stuck_step(saga_id))]
        if not is_inline(self.saga_log.get(saga_id)):
            verbs.append((EventType.RETRY_REQUESTED, None))
        return self._operate(saga_id, (SagaState.FAILED,), *verbs, operator=operator)

    def stuck_step(self, saga_id: str) -> str:
        """The step whose compensation a parked saga could not bring about. Raises UnknownSaga, NotAllowed."""
        self.saga_log.get(saga_id)
        steps = read_history(self._events(saga_id)).steps.items()
        stuck = next((name for name, step in steps if step.undo_gave_up), None)
        if stuck is None:
            raise NotAllowed(f"saga {saga_id!r} is not stuck at any step")
        return stuck

    def dead_letter(self, record: SagaRecord) -> dict[str, Any]:
        """What an operator needs to decide about a parked saga: where it is stuck, why, and when it tries again.

        ``retry_at`` is None of one that nobody but its own process tries again.
        """
        events = self._events(record.saga_id)
        parked = next(event for event in reversed(events) if event.type is EventType.PARKED)
        attempts = sum(event.type is EventType.UNDO_STARTED and event.step == parked.step for event in events)
        return {
            "saga_id": record.saga_id,
            "saga_type": record.saga_type,
            "project_id": record.project_id,
            "step": parked.step,
            "problem": parked.data.get("problem"),
            "attempts": attempts,
            "parked_at": parked.at,
            "retry_at": None if is_inline(record) else parked.data.get("retry_at"),
        }

    def _operate(
        self,
        saga_id: str,
        allowed: Sequence[SagaState],
        *kinds: tuple[EventType, str | None],
        operator: Operator,
    ) -> SagaRecord:
        now, who = self.clock.now(), asdict(operator)
        return self.saga_log.operate(saga_id, allowed, [Event(kind, now, step, who) for kind, step in kinds])

    def _events(self, saga_id: str) -> list[Event]:
        return [entry.event for entry in self.saga_log.events(saga_id)]


def is_inline(record: SagaRecord) -> bool:
    """Whether the saga runs in its caller's process, so that no worker takes it up."""
    return record.saga_type == INLINE


def check_retry(record: SagaRecord) -> None:
    """Raises NotAllowed for a saga that nobody but its own process can try again, which records the retry itself."""
    if is_inline(record):
        raise NotAllowed(
            f"saga {record.saga_id!r} runs in its caller's process, and no worker takes it up:"
            " executing it again there, with the same saga id, tries again"
        )


def _generated(events: Sequence[Event]) -> dict[str, Any]:
    """What steps 1 to 3 made, among it the documents that had to be left out."""
    made = next((event for event in reversed(events) if event.type is EventType.PREPARED), None)
    return {"generated": dict(made.data)} if made else {}


def _stored(history: History) -> dict[str, Any]:
    """What a committed wiki saga stored, in the words of the public face, as far as its log tells."""
    made = history.results.get(CREATE_SNAPSHOT)
    if history.state is not SagaState.COMMITTED or not isinstance(made, Mapping):
        return {}
    words = {"files_created": "files", "snapshot_id": "snapshot_id", "commit": "commit"}
    return {word: made[key] for word, key in words.items() if key in made}


def event_as_json(entry: LoggedEvent) -> Mapping[str, Any]:
    """One logged event as the API shows it."""
    return {
        "position": entry.position,
        "saga_id": entry.saga_id,
        "seq": entry.seq,
        "type": str(entry.event.type),
        "step": entry.event.step,
        "at": entry.event.at,
        "data": entry.event.data,
        "hash": entry.hash,
    }
