"""Rows to records, and the statements that every write uses: built once, for building costs more than SQLite does."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import Connection, and_, bindparam, exists, insert, or_, select, update

from backend.lease import latest_end
from backend.saga.errors import UnknownSaga
from backend.saga.events import CLOSING, STATE_AFTER, Event, EventType
from backend.saga.ports import LoggedEvent, SagaRecord
from backend.saga.state import SagaState
from backend.saga_log.chain import canonical, next_link
from backend.saga_log.schema import events, sagas

_ROW = select(sagas).where(sagas.c.saga_id == bindparam("saga"))
_HISTORY = (
    select(events)
    .where(events.c.saga_id == bindparam("saga"), events.c.seq > bindparam("after"))
    .order_by(events.c.seq)
)
_OF_SAGAS = select(events).where(
    events.c.saga_id.in_(bindparam("sagas", expanding=True)), events.c.type.in_(bindparam("types", expanding=True))
)
_ADD = insert(events)
_CHANGED = ("state", "closed", "last_seq", "head", "updated_at", "worker", "fence", "lease_until", "wake_at")
_STEP_ON = (
    update(sagas)
    .where(sagas.c.saga_id == bindparam("saga"))
    .values({name: bindparam(f"new_{name}") for name in _CHANGED})
)
_OLDER = sagas.alias("older")
_OLDER_ONE_IS_OPEN = exists().where(
    _OLDER.c.project_id == sagas.c.project_id, _OLDER.c.closed.is_(False), _OLDER.c.number < sagas.c.number
)
_FREE = or_(sagas.c.lease_until <= bindparam("now"), sagas.c.lease_until > bindparam("latest"))
_AWAKE = and_(sagas.c.closed.is_(False), _FREE, sagas.c.wake_at <= bindparam("now"))
_NEXT = (
    select(sagas)
    .where(_AWAKE, sagas.c.saga_type.in_(bindparam("types", expanding=True)), ~_OLDER_ONE_IS_OPEN)
    .order_by(sagas.c.number)
    .limit(1)
)


def next_row(connection: Connection, lease: float, now: float, saga_types: Collection[str]) -> Any:
    """Open, awake and free, and no older saga of its project is open: first come, first served (R11); or None."""
    known = {"now": now, "latest": latest_end(lease, now), "types": list(saga_types)}
    return connection.execute(_NEXT, known).first()


def row_of(connection: Connection, saga_id: str) -> Any:
    """The saga's row. Raises UnknownSaga."""
    row = connection.execute(_ROW, {"saga": saga_id}).first()
    if row is None:
        raise UnknownSaga(f"no saga {saga_id!r} is in the log")
    return row


def add_events(
    connection: Connection, row: Any, new: Sequence[Event], **changes: Any
) -> tuple[SagaRecord, list[LoggedEvent]]:
    """Append ``new`` to the saga of ``row``; whoever closes it gives it back with that.

    Args:
        row: the saga's row as this transaction found it.
        changes: what else changes in the row.

    Returns:
        The saga's record after it, and the events where they stand in the log.
    """
    now = dict(row._mapping) | changes
    logged = []
    for entry in new:
        seq, data = now["last_seq"] + 1, canonical(entry.data)
        link = next_link(now["head"], seq, entry, data)
        inserted = connection.execute(_ADD, _event_row(row.saga_id, seq, entry, data, link)).inserted_primary_key
        if inserted is None:
            raise AssertionError("the database did not say at which position the event is")
        logged.append(LoggedEvent(inserted[0], row.saga_id, seq, entry, link))
        now["state"] = str(STATE_AFTER.get(entry.type, now["state"]))
        now["closed"] = now["closed"] or entry.type in CLOSING
        now["last_seq"], now["head"], now["updated_at"] = seq, link, entry.at
    if now["closed"]:
        now["worker"], now["lease_until"] = None, 0.0
    connection.execute(_STEP_ON, {"saga": row.saga_id} | {f"new_{name}": now[name] for name in _CHANGED})
    return record_from(now), logged


def history_of(connection: Connection, saga_id: str, after_seq: int) -> list[LoggedEvent]:
    """The saga's events after ``after_seq``."""
    return [logged(row) for row in connection.execute(_HISTORY, {"saga": saga_id, "after": after_seq})]


def events_of(connection: Connection, saga_ids: Collection[str], types: Collection[EventType]) -> list[LoggedEvent]:
    """The events of these types of these sagas, in no order."""
    wanted = {"sagas": list(saga_ids), "types": [str(one) for one in types]}
    return [logged(row) for row in connection.execute(_OF_SAGAS, wanted)]


def hash_at(connection: Connection, saga_id: str, seq: int) -> str | None:
    """The hash of the saga's event ``seq``, or None when there is no such event."""
    found = select(events.c.hash).where(events.c.saga_id == saga_id, events.c.seq == seq)
    return connection.execute(found).scalar()


def logged(row: Any) -> LoggedEvent:
    """An event's row as a record."""
    entry = Event(EventType(row.type), row.at, row.step, json.loads(row.data))
    return LoggedEvent(row.position, row.saga_id, row.seq, entry, row.hash)


def record(row: Any) -> SagaRecord:
    """A saga's row as a record."""
    return record_from(row._mapping)


def record_from(values: Any) -> SagaRecord:
    """A saga's columns, by name, as a record."""
    return SagaRecord(
        saga_id=values["saga_id"],
        saga_type=values["saga_type"],
        project_id=values["project_id"],
        user_id=values["user_id"],
        parameters=json.loads(values["parameters"]),
        state=SagaState(values["state"]),
        closed=bool(values["closed"]),
        worker=values["worker"],
        fence=values["fence"],
        last_seq=values["last_seq"],
        lease_until=values["lease_until"],
        wake_at=values["wake_at"],
        created_at=values["created_at"],
        updated_at=values["updated_at"],
        head=values["head"],
    )


def _event_row(saga_id: str, seq: int, entry: Event, data: str, link: str) -> dict[str, Any]:
    return {
        "saga_id": saga_id,
        "seq": seq,
        "type": str(entry.type),
        "step": entry.step,
        "at": float(entry.at),
        "data": data,
        "hash": link,
    }
