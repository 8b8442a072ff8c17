"""A saga log that lives and dies with the process: for tests, the explorer, and sagas that need no recovery."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from backend.lease import latest_end
from backend.saga.errors import HistoryLost, LeaseLost, NotAllowed, ProjectBusy, SagaExists, UnknownSaga
from backend.saga.events import CLOSING, STATE_AFTER, Event, EventType
from backend.saga.history import AUTOMATIC
from backend.saga.ports import ANYBODY, Admission, LoggedEvent, NewSaga, SagaRecord
from backend.saga.state import SagaState
from backend.saga_log.admission import refuse_beyond
from backend.saga_log.chain import canonical, first_link, next_link


@dataclass
class _Entry:
    record: SagaRecord
    number: int
    request_key: str | None


class MemorySagaLog:
    """The same rules as the one in SQL, without a disk."""

    def __init__(self) -> None:
        self._sagas: dict[str, _Entry] = {}
        self._events: list[LoggedEvent] = []
        self._spared: dict[str, tuple[frozenset[str], float]] = {}  # by worker: whom, and until when
        self._lock = threading.RLock()

    def create(self, saga: NewSaga, event: Event, *, forced: bool = True, admission: Admission = ANYBODY) -> SagaRecord:
        with self._lock:
            taken = saga.request_key and self.by_request_key(saga.project_id, saga.request_key)
            if taken or saga.saga_id in self._sagas:
                raise SagaExists(f"saga {saga.saga_id!r} (or its Idempotency-Key) is in the log already")
            self._check(saga, admission)
            record = SagaRecord(
                saga_id=saga.saga_id,
                saga_type=saga.saga_type,
                project_id=saga.project_id,
                user_id=saga.user_id,
                parameters=dict(saga.parameters),
                state=STATE_AFTER[event.type],
                closed=False,
                worker=None,
                fence=0,
                last_seq=0,
                lease_until=0.0,
                wake_at=0.0,
                created_at=event.at,
                updated_at=event.at,
                head=first_link(saga.saga_id),
            )
            self._sagas[saga.saga_id] = _Entry(record, len(self._sagas) + 1, saga.request_key)
            self._write(saga.saga_id, [event])
            return self.get(saga.saga_id)

    def claim(self, saga_id: str, worker: str, lease: float, now: float) -> SagaRecord:
        with self._lock:
            record = self.get(saga_id)
            if now < record.lease_until <= latest_end(lease, now) and record.worker != worker:
                raise LeaseLost(f"saga {saga_id!r} is held by {record.worker}")
            return self._take(record, worker, lease, now)

    def claim_next(self, worker: str, lease: float, now: float, saga_types: Collection[str]) -> SagaRecord | None:
        with self._lock:
            holders: set[str] = set()
            for entry in self._sagas.values():
                record = entry.record
                if record.closed or record.project_id in holders:
                    continue
                holders.add(record.project_id)
                held = now < record.lease_until <= latest_end(lease, now)
                ready = not held and record.wake_at <= now
                if ready and record.saga_type in saga_types:
                    return self._take(record, worker, lease, now)
            return None

    def renew(self, worker: str, lease: float, now: float, saga_ids: Collection[str]) -> None:
        with self._lock:
            for entry in map(self._entry, saga_ids):
                if entry.record.worker == worker and entry.record.lease_until > now and not entry.record.closed:
                    entry.record = replace(entry.record, lease_until=now + lease)

    def release(self, saga_id: str, fence: int, wake_at: float) -> None:
        with self._lock:
            entry = self._entry(saga_id)
            if entry.record.fence == fence:
                entry.record = replace(entry.record, worker=None, lease_until=0.0, wake_at=wake_at)

    def wake(self, now: float, limit: int | None = None) -> None:
        with self._lock:
            asleep = [e for e in self._sagas.values() if not e.record.closed and e.record.wake_at > now]
            for entry in sorted(asleep, key=lambda entry: entry.record.wake_at)[:limit]:
                entry.record = replace(entry.record, wake_at=now)

    def append(self, saga_id: str, fence: int, known_seq: int, events: Sequence[Event]) -> list[LoggedEvent]:
        with self._lock:
            if (record := self.get(saga_id)).fence != fence:
                raise LeaseLost(f"saga {saga_id!r} was taken over (fence {record.fence}, ours is {fence})")
            if record.last_seq < known_seq:
                raise HistoryLost(f"the log of saga {saga_id!r} has no event {known_seq}")
            self._write(saga_id, events)
            return self.events(saga_id, known_seq)

    def operate(self, saga_id: str, allowed: Sequence[SagaState], events: Sequence[Event]) -> SagaRecord:
        with self._lock:
            record = self.get(saga_id)
            if record.state not in allowed or record.closed:
                raise NotAllowed.in_state(saga_id, record.state, allowed)
            self._write(saga_id, events)
            entry = self._entry(saga_id)
            entry.record = replace(entry.record, wake_at=0.0)
            return entry.record

    def get(self, saga_id: str) -> SagaRecord:
        with self._lock:
            return self._entry(saga_id).record

    def by_request_key(self, project_id: str, request_key: str) -> SagaRecord | None:
        with self._lock:
            same = (e.record for e in self._sagas.values() if e.request_key == request_key)
            return next((record for record in same if record.project_id == project_id), None)

    def events(self, saga_id: str, after_seq: int = 0) -> list[LoggedEvent]:
        with self._lock:
            return [entry for entry in self._events if entry.saga_id == saga_id and entry.seq > after_seq]

    def events_of(self, saga_ids: Sequence[str], types: Collection[EventType]) -> list[LoggedEvent]:
        wanted = set(saga_ids)
        with self._lock:
            return [entry for entry in self._events if entry.saga_id in wanted and entry.event.type in types]

    def all_events(
        self, after_position: int, limit: int, types: Collection[EventType] | None = None
    ) -> list[LoggedEvent]:
        with self._lock:
            if types is None:
                return self._events[after_position : after_position + limit]
            return [entry for entry in self._events[after_position:] if entry.event.type in types][:limit]

    def last_position(self) -> int:
        with self._lock:
            return len(self._events)

    def counts(self) -> dict[SagaState, int]:
        with self._lock:
            return dict(Counter(entry.record.state for entry in self._sagas.values()))

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
        with self._lock:
            records = [entry.record for entry in self._sagas.values()]
        found = [
            record
            for record in records
            if (state is None or record.state is state)
            and (project_id is None or record.project_id == project_id)
            and (since is None or record.created_at >= since)
            and not (open_only and record.closed)
            and (before is None or (record.created_at, record.saga_id) < before)
        ]
        return sorted(found, key=lambda record: (record.created_at, record.saga_id), reverse=True)[:limit]

    def spare(self, worker: str, participants: Collection[str], now: float, until: float) -> None:
        with self._lock:
            self._spared[worker] = (frozenset(participants), until)

    def spared(self, now: float) -> dict[str, int]:
        with self._lock:
            return dict(Counter(one for whom, until in self._spared.values() if until > now for one in whom))

    def close(self) -> None:
        pass

    def copy(self) -> MemorySagaLog:
        """A log with the same past, and a future of its own."""
        other = MemorySagaLog()
        with self._lock:
            other._sagas = {saga_id: replace(entry) for saga_id, entry in self._sagas.items()}
            other._events = list(self._events)
            other._spared = dict(self._spared)
        return other

    def _entry(self, saga_id: str) -> _Entry:
        if saga_id not in self._sagas:
            raise UnknownSaga(f"no saga {saga_id!r} is in the log")
        return self._sagas[saga_id]

    def _check(self, saga: NewSaga, admission: Admission) -> None:
        records = [entry.record for entry in self._sagas.values() if not entry.record.closed]
        holders = [record.saga_id for record in records if record.project_id == saga.project_id]
        if admission.only_if_free and holders:
            raise ProjectBusy(holders[0])
        kind = saga.saga_type
        waiting = [one for one in records if one.state is SagaState.PENDING and one.saga_type == kind]
        if (limit := admission.waiting_per_project) is not None:
            refuse_beyond(limit, sum(one.project_id == saga.project_id for one in waiting), "in this project")
        if (limit := admission.waiting) is not None:
            refuse_beyond(limit, len(waiting), "in all")

    def _take(self, record: SagaRecord, worker: str, lease: float, now: float) -> SagaRecord:
        entry = self._entry(record.saga_id)
        fence = record.fence + 1
        entry.record = replace(record, worker=worker, fence=fence, lease_until=now + lease, wake_at=0.0)
        events = [Event(EventType.CLAIMED, now, None, {"worker": worker, "fence": fence, "lost": record.worker})]
        if record.state is SagaState.FAILED and not record.closed:
            again = {"by": AUTOMATIC, "reason": "time to try again"}
            events.append(Event(EventType.RETRY_REQUESTED, now, None, again))
        self._write(record.saga_id, events)
        return entry.record

    def _write(self, saga_id: str, events: Sequence[Event]) -> None:
        entry = self._entry(saga_id)
        record = entry.record
        logged: list[LoggedEvent] = []
        for seq, event in enumerate(events, start=record.last_seq + 1):
            link = next_link(record.head, seq, event, canonical(event.data))
            logged.append(LoggedEvent(len(self._events) + len(logged) + 1, saga_id, seq, event, link))
            state = STATE_AFTER.get(event.type, record.state)
            closed = record.closed or event.type in CLOSING
            record = replace(record, state=state, closed=closed, last_seq=seq, updated_at=event.at, head=link)
        if record.closed:
            record = replace(record, worker=None, lease_until=0.0)
        self._events += logged
        entry.record = record
