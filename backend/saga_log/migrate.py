"""Making the log's tables, and bringing those of an older version forward."""

from __future__ import annotations

import json
from itertools import groupby

from sqlalchemy import Connection, Engine, bindparam, insert, select, text, update

from backend.saga.events import Event, EventType
from backend.saga_log.chain import canonical, first_link, next_link
from backend.saga_log.dialect import Dialect
from backend.saga_log.schema import SCHEMA_VERSION, events, meta, metadata, sagas


def ensure_schema(engine: Engine, dialect: Dialect) -> None:
    """Make the tables, or bring them to this program's version; many processes may try at the same time.

    Raises:
        ValueError: the log was written by a newer program; no connection stays open then.
    """
    try:
        _bring_forward(engine, dialect)
    except BaseException:
        engine.dispose()
        raise


def _bring_forward(engine: Engine, dialect: Dialect) -> None:
    with engine.connect() as connection:
        dialect.begin_write(connection, True)
        metadata.create_all(connection)
        for index in sagas.indexes:  # tables of an older program may lack some
            index.create(connection, checkfirst=True)
        found = connection.execute(select(meta.c.schema_version)).scalar()
        if found is None:
            connection.execute(insert(meta).values(schema_version=SCHEMA_VERSION))
        elif found == 1:
            _to_version_2(connection)
            connection.execute(update(meta).values(schema_version=2))
        elif found != SCHEMA_VERSION:
            raise ValueError(f"the saga log has schema version {found}, this program knows {SCHEMA_VERSION}")
        connection.commit()


def _to_version_2(connection: Connection) -> None:
    """Every event gets its hash; what was tampered with before this is taken for true."""
    connection.execute(text("ALTER TABLE events ADD COLUMN hash VARCHAR(64) DEFAULT '' NOT NULL"))
    connection.execute(text("ALTER TABLE sagas ADD COLUMN head VARCHAR(64) DEFAULT '' NOT NULL"))
    linked = update(events).where(events.c.position == bindparam("at_position")).values(hash=bindparam("link"))
    headed = update(sagas).where(sagas.c.saga_id == bindparam("saga")).values(head=bindparam("link"))
    rows = connection.execute(select(events).order_by(events.c.saga_id, events.c.seq)).all()
    for saga_id, history in groupby(rows, key=lambda row: row.saga_id):
        link, links = first_link(saga_id), []
        for row in history:
            event = Event(EventType(row.type), row.at, row.step)
            link = next_link(link, row.seq, event, canonical(json.loads(row.data)))
            links.append({"at_position": row.position, "link": link})
        connection.execute(linked, links)
        connection.execute(headed, {"saga": saga_id, "link": link})
