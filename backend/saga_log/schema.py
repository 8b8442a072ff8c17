"""The log's tables. docs/saga-log.md describes them for whoever reads the file from outside."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from backend.saga import limits

SCHEMA_VERSION = 2
metadata = MetaData()
_OPEN = Column("closed", Boolean).is_(False)

events = Table(
    "events",
    metadata,
    # SQLite gives out consecutive numbers only to a column that is called plain INTEGER.
    Column("position", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("saga_id", String(limits.SAGA_ID), nullable=False),
    Column("seq", Integer, nullable=False),
    Column("type", String(40), nullable=False),
    Column("step", String(limits.STEP)),
    Column("at", Float, nullable=False),
    Column("data", Text, nullable=False),
    Column("hash", String(64), nullable=False, server_default=""),
    UniqueConstraint("saga_id", "seq"),
    sqlite_autoincrement=True,
)

sagas = Table(
    "sagas",
    metadata,
    Column("number", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("saga_id", String(limits.SAGA_ID), nullable=False, unique=True),
    Column("saga_type", String(40), nullable=False),
    Column("project_id", String(limits.PROJECT_ID), nullable=False),
    Column("user_id", String(limits.USER_ID), nullable=False),
    Column("parameters", Text, nullable=False),
    Column("request_key", String(limits.REQUEST_KEY)),
    Column("state", String(20), nullable=False),
    Column("closed", Boolean, nullable=False),
    Column("worker", String(100)),
    Column("fence", Integer, nullable=False),
    Column("last_seq", Integer, nullable=False),
    Column("lease_until", Float, nullable=False),
    Column("wake_at", Float, nullable=False),
    Column("created_at", Float, nullable=False),
    Column("updated_at", Float, nullable=False),
    Column("head", String(64), nullable=False, server_default=""),
    UniqueConstraint("project_id", "request_key"),
    Index("sagas_open_of_project", "project_id", "number", sqlite_where=_OPEN, postgresql_where=_OPEN),
    Index("sagas_open", "number", sqlite_where=_OPEN, postgresql_where=_OPEN),
    Index("sagas_by_time", "created_at", "saga_id"),
    Index("sagas_by_project", "project_id", "created_at", "saga_id"),
    Index("sagas_by_state", "state", "created_at"),
    sqlite_autoincrement=True,
)

spared = Table(
    "spared",
    metadata,
    Column("worker", String(100), primary_key=True),
    Column("participant", String(200), primary_key=True),
    Column("until", Float, nullable=False),
)

meta = Table("meta", metadata, Column("schema_version", Integer, nullable=False))
