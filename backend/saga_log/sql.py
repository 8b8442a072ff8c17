"""The saga log in an SQL database."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, func, insert, or_, select, update

from backend.lease import latest_end
from backend.saga.errors import HistoryLost, LeaseLost, NotAllowed
from backend.saga.events import FORCED, STATE_AFTER, Event, EventType
from backend.saga.history import AUTOMATIC
from backend.saga.ports import ANYBODY, Admission, LoggedEvent, NewSaga, SagaRecord
from backend.saga.state import SagaState
from backend.saga_log import sparing
from backend.saga_log.admission import check
from backend.saga_log.chain import canonical, first_link
from backend.saga_log.committer import GroupCommitter
from backend.saga_log.dialect import dialect_of
from backend.saga_log.migrate import ensure_schema
from backend.saga_log.rows import add_events, events_of, hash_at, history_of, logged, next_row, record, row_of
from backend.saga_log.schema import events, sagas

_ENTER = insert(sagas)
_SAGAS_AT_ONCE = 2000  # in one query; databases bound how many values a query may name


class SqlSagaLog:
    """A saga log that several processes share: one writer at a time, any number of readers.

    Raises:
        ValueError: ``url`` is of another scheme, or its log was written by a newer program.
    """

    def __init__(self, url: str) -> None:
        dialect = dialect_of(url)
        self._outlived = dialect.outlived
        self._written: dict[str, tuple[int, str]] = {}  # of each claimed saga: number and hash of our last event
        self._engine = dialect.open()
        self._readers = dialect.readers(self._engine)
        ensure_schema(self._engine, dialect)
        self._committer = GroupCommitter(self._engine, dialect.begin_write)

    def create(self, saga: NewSaga, event: Event, *, forced: bool = True, admission: Admission = ANYBODY) -> SagaRecord:
        row = _new_row(saga, event)

        def work(connection: Connection) -> SagaRecord:
            check(connection, saga, admission)
            connection.execute(_ENTER, row)
            entered, _ = add_events(connection, row_of(connection, saga.saga_id), [event])
            return entered

        return self._committer.write(work, forced=forced)

    def claim(self, saga_id: str, worker: str, lease: float, now: float) -> SagaRecord:
        def work(connection: Connection) -> SagaRecord:
            row = row_of(connection, saga_id)
            if now < row.lease_until <= latest_end(lease, now) and row.worker != worker:
                raise LeaseLost(f"saga {saga_id!r} is held by {row.worker} for {row.lease_until - now:.1f} s more")
            return self._noted(_take(connection, row, worker, lease, now))

        return self._committer.write(work, forced=self._outlived)

    def claim_next(self, worker: str, lease: float, now: float, saga_types: Collection[str]) -> SagaRecord | None:
        # Read first: an idle worker that only looks must not keep anybody from writing.
        with self._readers.connect() as connection:
            if next_row(connection, lease, now, saga_types) is None:
                return None

        def work(connection: Connection) -> SagaRecord | None:
            row = next_row(connection, lease, now, saga_types)
            return self._noted(_take(connection, row, worker, lease, now)) if row else None

        return self._committer.write(work, forced=self._outlived)

    def renew(self, worker: str, lease: float, now: float, saga_ids: Collection[str]) -> None:
        held = and_(sagas.c.worker == worker, sagas.c.lease_until > now, sagas.c.closed.is_(False))
        self._change(and_(sagas.c.saga_id.in_(saga_ids), held), lease_until=now + lease)

    def release(self, saga_id: str, fence: int, wake_at: float) -> None:
        mine = and_(sagas.c.saga_id == saga_id, sagas.c.fence == fence)
        self._written.pop(saga_id, None)
        self._change(mine, worker=None, lease_until=0.0, wake_at=wake_at)

    def wake(self, now: float, limit: int | None = None) -> None:
        asleep = select(sagas.c.number).where(sagas.c.closed.is_(False), sagas.c.wake_at > now)
        self._change(sagas.c.number.in_(asleep.order_by(sagas.c.wake_at).limit(limit)), wake_at=now)

    def append(self, saga_id: str, fence: int, known_seq: int, events: Sequence[Event]) -> list[LoggedEvent]:
        def work(connection: Connection) -> list[LoggedEvent]:
            row = row_of(connection, saga_id)
            if row.fence != fence:
                raise LeaseLost(f"saga {saga_id!r} was taken over (fence {row.fence}, ours is {fence})")
            self._refuse_another_history(connection, row, known_seq)
            missed = history_of(connection, saga_id, known_seq) if row.last_seq > known_seq else []
            after, added = add_events(connection, row, events)
            self._noted(after)
            return missed + added

        return self._committer.write(work, forced=any(event.type in FORCED for event in events))

    def operate(self, saga_id: str, allowed: Sequence[SagaState], events: Sequence[Event]) -> SagaRecord:
        def work(connection: Connection) -> SagaRecord:
            row = row_of(connection, saga_id)
            if row.state not in allowed or row.closed:
                raise NotAllowed.in_state(saga_id, row.state, allowed)
            return add_events(connection, row, events, wake_at=0.0)[0]

        return self._committer.write(work, forced=True)

    def get(self, saga_id: str) -> SagaRecord:
        with self._readers.connect() as connection:
            return record(row_of(connection, saga_id))

    def by_request_key(self, project_id: str, request_key: str) -> SagaRecord | None:
        wanted = and_(sagas.c.project_id == project_id, sagas.c.request_key == request_key)
        with self._readers.connect() as connection:
            row = connection.execute(select(sagas).where(wanted)).first()
        return record(row) if row else None

    def events(self, saga_id: str, after_seq: int = 0) -> list[LoggedEvent]:
        with self._readers.connect() as connection:
            return history_of(connection, saga_id, after_seq)

    def events_of(self, saga_ids: Sequence[str], types: Collection[EventType]) -> list[LoggedEvent]:
        found: list[LoggedEvent] = []
        with self._readers.connect() as connection:
            for start in range(0, len(saga_ids), _SAGAS_AT_ONCE):
                found += events_of(connection, saga_ids[start : start + _SAGAS_AT_ONCE], types)
        return sorted(found, key=lambda entry: entry.position)

    def all_events(
        self, after_position: int, limit: int, types: Collection[EventType] | None = None
    ) -> list[LoggedEvent]:
        wanted = select(events).where(events.c.position > after_position)
        if types is not None:
            wanted = wanted.where(events.c.type.in_([str(one) for one in types]))
        with self._readers.connect() as connection:
            return [logged(row) for row in connection.execute(wanted.order_by(events.c.position).limit(limit))]

    def last_position(self) -> int:
        with self._readers.connect() as connection:
            return connection.execute(select(func.max(events.c.position))).scalar() or 0

    def counts(self) -> dict[SagaState, int]:
        by_state = select(sagas.c.state, func.count()).group_by(sagas.c.state)
        with self._readers.connect() as connection:
            return {SagaState(state): count for state, count in connection.execute(by_state)}

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
        filters: list[ColumnElement[bool]] = []
        if state is not None:
            filters.append(sagas.c.state == str(state))
        if project_id is not None:
            filters.append(sagas.c.project_id == project_id)
        if since is not None:
            filters.append(sagas.c.created_at >= since)
        if open_only:
            filters.append(sagas.c.closed.is_(False))
        if before is not None:
            at, saga_id = before
            same_time = and_(sagas.c.created_at == at, sagas.c.saga_id < saga_id)
            filters.append(or_(sagas.c.created_at < at, same_time))
        newest_first = select(sagas).where(*filters).order_by(sagas.c.created_at.desc(), sagas.c.saga_id.desc())
        with self._readers.connect() as connection:
            return [record(row) for row in connection.execute(newest_first.limit(limit))]

    def spare(self, worker: str, participants: Collection[str], now: float, until: float) -> None:
        def work(connection: Connection) -> None:
            sparing.replace(connection, worker, participants, now, until)

        self._committer.write(work, forced=False)

    def spared(self, now: float) -> dict[str, int]:
        with self._readers.connect() as connection:
            return sparing.count(connection, now)

    def close(self) -> None:
        self._committer.close()
        self._engine.dispose()

    def _noted(self, record: SagaRecord) -> SagaRecord:
        if record.closed:
            self._written.pop(record.saga_id, None)
        else:
            self._written[record.saga_id] = (record.last_seq, record.head)
        return record

    def _refuse_another_history(self, connection: Connection, row: Any, known_seq: int) -> None:
        """A database that crashed may have lost events that were not forced, and that the caller still counts on.

        Claims are forced there (``outlived``): a lost one would be given a second time, under the same fence.

        Raises:
            HistoryLost: what the caller knows and what the log has are two histories.
        """
        seq, head = self._written.get(row.saga_id, (0, ""))
        lost = row.last_seq < known_seq
        if not lost and seq == known_seq:
            lost = head != (row.head if row.last_seq == seq else hash_at(connection, row.saga_id, seq))
        if lost:
            raise HistoryLost(f"the log of saga {row.saga_id!r} lost event {known_seq} when the database crashed")

    def _change(self, which: ColumnElement[bool], **values: Any) -> None:
        """Change leases and alarms: nothing that the history is made of."""

        def work(connection: Connection) -> None:
            connection.execute(update(sagas).where(which).values(values))

        self._committer.write(work, forced=False)


def _new_row(saga: NewSaga, event: Event) -> dict[str, Any]:
    return {
        "saga_id": saga.saga_id,
        "saga_type": saga.saga_type,
        "project_id": saga.project_id,
        "user_id": saga.user_id,
        "parameters": canonical(saga.parameters),
        "request_key": saga.request_key,
        "state": str(STATE_AFTER[event.type]),
        "closed": False,
        "worker": None,
        "fence": 0,
        "last_seq": 0,
        "lease_until": 0.0,
        "wake_at": 0.0,
        "created_at": event.at,
        "updated_at": event.at,
        "head": first_link(saga.saga_id),
    }


def _take(connection: Connection, row: Any, worker: str, lease: float, now: float) -> SagaRecord:
    fence = row.fence + 1
    claimed = [Event(EventType.CLAIMED, now, None, {"worker": worker, "fence": fence, "lost": row.worker})]
    if row.state == SagaState.FAILED:
        again = {"by": AUTOMATIC, "reason": "time to try again"}
        claimed.append(Event(EventType.RETRY_REQUESTED, now, None, again))
    return add_events(connection, row, claimed, worker=worker, fence=fence, lease_until=now + lease, wake_at=0.0)[0]
