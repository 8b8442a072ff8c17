"""The saga log in an SQL database."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    and_,
    create_engine,
    event,
    exists,
    func,
    insert,
    or_,
    select,
    update,
)
from sqlalchemy.engine import make_url
from sqlalchemy.exc import IntegrityError

from backend.saga.errors import LeaseLost, NotAllowed, SagaExists, UnknownSaga
from backend.saga.events import CLOSING, FORCED, STATE_AFTER, Event, EventType
from backend.saga.ports import LoggedEvent, NewSaga, SagaRecord
from backend.saga.state import SagaState
from backend.saga_log.committer import GroupCommitter
from backend.saga_log.schema import SCHEMA_VERSION, events, meta, metadata, sagas

BUSY_TIMEOUT = 30.0  # seconds that one process waits for another's write


class SqlSagaLog:
    """A saga log that several processes share. One writer thread per process; readers are not blocked (WAL)."""

    def __init__(self, url: str) -> None:
        self._engine = _engine(url)
        _ensure_schema(self._engine)
        self._committer = GroupCommitter(self._engine)

    def create(self, saga: NewSaga, event: Event, *, forced: bool = True) -> SagaRecord:
        row = {
            "saga_id": saga.saga_id,
            "saga_type": saga.saga_type,
            "project_id": saga.project_id,
            "user_id": saga.user_id,
            "parameters": _dump(saga.parameters),
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
        }

        def work(connection: Connection) -> SagaRecord:
            try:
                connection.execute(insert(sagas).values(row))
            except IntegrityError:
                raise SagaExists(f"saga {saga.saga_id!r} (or its Idempotency-Key) is in the log already") from None
            _append(connection, _locked_row(connection, saga.saga_id), [event])
            return _record(_locked_row(connection, saga.saga_id))

        return self._committer.write(work, forced=forced)

    def claim(self, saga_id: str, worker: str, lease: float, now: float) -> SagaRecord:
        def work(connection: Connection) -> SagaRecord:
            row = _locked_row(connection, saga_id)
            if row.lease_until > now and row.worker != worker:
                raise LeaseLost(f"saga {saga_id!r} is held by {row.worker} for {row.lease_until - now:.1f} s more")
            return _take(connection, row, worker, lease, now)

        return self._committer.write(work, forced=False)

    def claim_next(self, worker: str, lease: float, now: float, saga_types: Collection[str]) -> SagaRecord | None:
        # Read first: an idle worker that only looks must not keep anybody from writing.
        with self._engine.connect() as connection:
            if connection.execute(_claimable(now, saga_types)).first() is None:
                return None

        def work(connection: Connection) -> SagaRecord | None:
            row = connection.execute(_claimable(now, saga_types)).first()
            return _take(connection, row, worker, lease, now) if row else None

        return self._committer.write(work, forced=False)

    def renew(self, worker: str, lease: float, now: float) -> None:
        held = and_(sagas.c.worker == worker, sagas.c.lease_until > now, sagas.c.closed.is_(False))

        def work(connection: Connection) -> None:
            connection.execute(update(sagas).where(held).values(lease_until=now + lease))

        self._committer.write(work, forced=False)

    def release(self, saga_id: str, fence: int, wake_at: float) -> None:
        mine = and_(sagas.c.saga_id == saga_id, sagas.c.fence == fence)

        def work(connection: Connection) -> None:
            connection.execute(update(sagas).where(mine).values(worker=None, lease_until=0.0, wake_at=wake_at))

        self._committer.write(work, forced=False)

    def append(self, saga_id: str, fence: int, known_seq: int, events: Sequence[Event]) -> list[LoggedEvent]:
        def work(connection: Connection) -> list[LoggedEvent]:
            row = _locked_row(connection, saga_id)
            if row.fence != fence:
                raise LeaseLost(f"saga {saga_id!r} was taken over (fence {row.fence}, ours is {fence})")
            missed = _events(connection, saga_id, known_seq) if row.last_seq > known_seq else []
            return missed + _append(connection, row, events)

        return self._committer.write(work, forced=any(event.type in FORCED for event in events))

    def operate(self, saga_id: str, allowed: Sequence[SagaState], events: Sequence[Event]) -> SagaRecord:
        def work(connection: Connection) -> SagaRecord:
            row = _locked_row(connection, saga_id)
            if row.state not in allowed or row.closed:
                states = ", ".join(allowed)
                raise NotAllowed(f"saga {saga_id!r} is {row.state}; this is for sagas that are {states}")
            _append(connection, row, events)
            connection.execute(update(sagas).where(sagas.c.saga_id == saga_id).values(wake_at=0.0))
            return _record(_locked_row(connection, saga_id))

        return self._committer.write(work, forced=True)

    def get(self, saga_id: str) -> SagaRecord:
        with self._engine.connect() as connection:
            return _record(_locked_row(connection, saga_id))

    def by_request_key(self, project_id: str, request_key: str) -> SagaRecord | None:
        wanted = and_(sagas.c.project_id == project_id, sagas.c.request_key == request_key)
        with self._engine.connect() as connection:
            row = connection.execute(select(sagas).where(wanted)).first()
        return _record(row) if row else None

    def events(self, saga_id: str, after_seq: int = 0) -> list[LoggedEvent]:
        with self._engine.connect() as connection:
            return _events(connection, saga_id, after_seq)

    def all_events(self, after_position: int, limit: int) -> list[LoggedEvent]:
        wanted = select(events).where(events.c.position > after_position).order_by(events.c.position).limit(limit)
        with self._engine.connect() as connection:
            return [_logged(row) for row in connection.execute(wanted)]

    def last_position(self) -> int:
        with self._engine.connect() as connection:
            return connection.execute(select(func.max(events.c.position))).scalar() or 0

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
        with self._engine.connect() as connection:
            return [_record(row) for row in connection.execute(newest_first.limit(limit))]

    def close(self) -> None:
        self._committer.close()
        self._engine.dispose()


def _engine(url: str) -> Engine:
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite":
        raise ValueError(f"the saga log knows sqlite:///path and memory:, not {parsed.drivername!r}")
    if parsed.database:
        Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(parsed, connect_args={"timeout": BUSY_TIMEOUT, "check_same_thread": False})

    @event.listens_for(engine, "connect")
    def configure(connection: Any, _: object) -> None:
        connection.isolation_level = None  # transactions begin where SQLAlchemy says, not where the driver guesses
        connection.execute("PRAGMA journal_mode=WAL")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        # A writer that begins as a reader and then finds the file changed cannot go on: it must begin as a writer.
        writer = connection.get_execution_options().get("writer", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writer else "BEGIN")

    return engine


def _ensure_schema(engine: Engine) -> None:
    with engine.connect().execution_options(writer=True) as connection:
        metadata.create_all(connection)
        found = connection.execute(select(meta.c.schema_version)).scalar()
        if found is None:
            connection.execute(insert(meta).values(schema_version=SCHEMA_VERSION))
        elif found != SCHEMA_VERSION:
            raise ValueError(f"the saga log has schema version {found}, this program knows {SCHEMA_VERSION}")
        connection.commit()


def _claimable(now: float, saga_types: Collection[str]) -> Any:
    """Open, awake and free, and no older saga of its project is open: first come, first served (R11)."""
    older = sagas.alias("older")
    an_older_one = exists().where(
        older.c.project_id == sagas.c.project_id, older.c.closed.is_(False), older.c.number < sagas.c.number
    )
    ready = and_(sagas.c.closed.is_(False), sagas.c.lease_until <= now, sagas.c.wake_at <= now, ~an_older_one)
    return select(sagas).where(ready, sagas.c.saga_type.in_(saga_types)).order_by(sagas.c.number).limit(1)


def _take(connection: Connection, row: Any, worker: str, lease: float, now: float) -> SagaRecord:
    lost = row.worker if row.worker is not None else None
    data = {"worker": worker, "fence": row.fence + 1, "lost": lost}
    values = {"worker": worker, "fence": row.fence + 1, "lease_until": now + lease, "wake_at": 0.0}
    connection.execute(update(sagas).where(sagas.c.saga_id == row.saga_id).values(values))
    events = [Event(EventType.CLAIMED, now, None, data)]
    if row.state == SagaState.FAILED and not row.closed:
        events.append(Event(EventType.RETRY_REQUESTED, now, None, {"by": "automatic", "reason": "time to try again"}))
    _append(connection, row, events)
    return _record(_locked_row(connection, row.saga_id))


def _locked_row(connection: Connection, saga_id: str) -> Any:
    row = connection.execute(select(sagas).where(sagas.c.saga_id == saga_id)).first()
    if row is None:
        raise UnknownSaga(f"no saga {saga_id!r} is in the log")
    return row


def _append(connection: Connection, row: Any, new: Sequence[Event]) -> list[LoggedEvent]:
    state, closed, logged = row.state, row.closed, []
    for seq, entry in enumerate(new, start=row.last_seq + 1):
        values = {
            "saga_id": row.saga_id,
            "seq": seq,
            "type": str(entry.type),
            "step": entry.step,
            "at": entry.at,
            "data": _dump(entry.data),
        }
        inserted = connection.execute(insert(events).values(values)).inserted_primary_key
        logged.append(LoggedEvent(inserted[0] if inserted else 0, row.saga_id, seq, entry))
        state = str(STATE_AFTER.get(entry.type, state))
        closed = closed or entry.type in CLOSING
    values = {"state": state, "closed": closed, "last_seq": row.last_seq + len(new)}
    if new:
        values["updated_at"] = new[-1].at
    connection.execute(update(sagas).where(sagas.c.saga_id == row.saga_id).values(values))
    return logged


def _events(connection: Connection, saga_id: str, after_seq: int) -> list[LoggedEvent]:
    wanted = select(events).where(events.c.saga_id == saga_id, events.c.seq > after_seq).order_by(events.c.seq)
    return [_logged(row) for row in connection.execute(wanted)]


def _logged(row: Any) -> LoggedEvent:
    entry = Event(EventType(row.type), row.at, row.step, json.loads(row.data))
    return LoggedEvent(row.position, row.saga_id, row.seq, entry)


def _record(row: Any) -> SagaRecord:
    return SagaRecord(
        saga_id=row.saga_id,
        saga_type=row.saga_type,
        project_id=row.project_id,
        user_id=row.user_id,
        parameters=json.loads(row.parameters),
        state=SagaState(row.state),
        closed=row.closed,
        worker=row.worker,
        fence=row.fence,
        last_seq=row.last_seq,
        lease_until=row.lease_until,
        wake_at=row.wake_at,
        created_at=row.created_at,
        updated_at=row.updated_at,
    )


def _dump(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
