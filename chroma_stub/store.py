"""Tenants, databases and collections. No HTTP; records are in ``records``."""

from __future__ import annotations

import json
import re
import sqlite3
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from chroma_stub.configuration import configuration_of, updated
from chroma_stub.database import DEFAULT_DATABASE, DEFAULT_TENANT, Database
from chroma_stub.errors import AlreadyExists, InvalidArgument, NotFound
from service_kit.chroma_names import ACCEPTED, is_ip_address

MetadataValue = str | int | float | bool
_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}|[0-9a-fA-F]{32}")
_SELECT = """SELECT c.*, d.tenant, d.name AS database FROM collections c JOIN databases d ON d.id = c.database_id """


@dataclass(frozen=True)
class DatabaseName:
    """A database: its name and its tenant's."""

    tenant: str = DEFAULT_TENANT
    name: str = DEFAULT_DATABASE


@dataclass(frozen=True)
class Collection:
    """A collection without its records.

    Attributes:
        space: the distance, a key of ``vectors.DISTANCES``.
        dimension: the length of its embeddings; None until the first record.
    """

    id: str
    name: str
    metadata: dict[str, MetadataValue] | None
    configuration: dict[str, Any]
    space: str
    dimension: int | None
    database: DatabaseName

    @classmethod
    def from_row(cls, row: sqlite3.Row) -> Collection:
        """The collection in a row of ``_SELECT``."""
        metadata = json.loads(row["metadata"]) if row["metadata"] else None
        name = DatabaseName(row["tenant"], row["database"])
        configuration = json.loads(row["configuration"])
        return cls(row["id"], row["name"], metadata, configuration, row["space"], row["dimension"], name)


class Store:
    """What is in the database file besides records."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def create_tenant(self, name: str) -> None:
        """Raises AlreadyExists, or InvalidArgument for a name that is too short."""
        if len(name) < 3:
            raise InvalidArgument("Validation error: name: Validation error: length, at least 3 characters")
        with self._database.writing() as sql:
            if not sql.execute("INSERT OR IGNORE INTO tenants VALUES (?)", [name]).rowcount:
                raise AlreadyExists(f"Tenant [{name}] already exists")

    def check_tenant(self, name: str) -> None:
        """Raises NotFound when there is none."""
        if not self._database.connection().execute("SELECT 1 FROM tenants WHERE name = ?", [name]).fetchone():
            raise NotFound(f"Tenant [{name}] not found")

    def create_database(self, name: DatabaseName) -> None:
        """Raises AlreadyExists, or InvalidArgument for a bad name. Chroma takes a tenant that it does not know."""
        check_name(name.name)
        row = [str(uuid.uuid4()), name.tenant, name.name]
        with self._database.writing() as sql:
            if not sql.execute("INSERT OR IGNORE INTO databases VALUES (?, ?, ?)", row).rowcount:
                raise AlreadyExists(f"Database [{name.name}] already exists")

    def databases(self, tenant: str, limit: int | None, offset: int) -> list[tuple[str, DatabaseName]]:
        """The (id, name) of a tenant's databases, by name."""
        rows = self._database.connection().execute(
            "SELECT id, name FROM databases WHERE tenant = ? ORDER BY name LIMIT ? OFFSET ?",
            [tenant, -1 if limit is None else limit, offset],
        )
        return [(row["id"], DatabaseName(tenant, row["name"])) for row in rows]

    def database_id(self, name: DatabaseName) -> str:
        """Raises NotFound when there is none."""
        found = _database_id(self._database.connection(), name)
        if found is None:
            raise NotFound(f"Database [{name.name}] not found. Are you sure it exists?")
        return found

    def delete_database(self, name: DatabaseName) -> None:
        """Delete it with all its collections; raises NotFound."""
        with self._database.writing() as sql:
            found = _database_id(sql, name)
            if found is None:
                raise NotFound(f"Database [{name.name}] not found")
            sql.execute(
                "DELETE FROM records WHERE collection_id IN (SELECT id FROM collections WHERE database_id = ?)", [found]
            )
            sql.execute("DELETE FROM collections WHERE database_id = ?", [found])
            sql.execute("DELETE FROM databases WHERE id = ?", [found])

    def create_collection(
        self,
        database: DatabaseName,
        name: str,
        metadata: Mapping[str, MetadataValue] | None,
        configuration: Mapping[str, Any] | None,
        *,
        get_or_create: bool,
    ) -> Collection:
        """A new collection, or the one that is there when ``get_or_create`` (its metadata stays).

        Raises:
            InvalidArgument: the name is not one of Chroma's, the metadata is empty, or there is no such database.
            AlreadyExists: and not ``get_or_create``.
        """
        check_name(name, "name")
        _check_metadata(metadata, "metadata")
        full = configuration_of(configuration, metadata)
        database_id = _database_id(self._database.connection(), database)
        if database_id is None:
            raise InvalidArgument(f"Database [{database.name}] does not exist")
        row = [str(uuid.uuid4()), database_id, name, _json(metadata), json.dumps(full), full["hnsw"]["space"]]
        with self._database.writing() as sql:
            made = sql.execute(
                "INSERT OR IGNORE INTO collections (id, database_id, name, metadata, configuration, space)"
                " VALUES (?, ?, ?, ?, ?, ?)",
                row,
            ).rowcount
            if not made and not get_or_create:
                raise AlreadyExists(f"Collection [{name}] already exists")
            found = sql.execute(_SELECT + "WHERE c.database_id = ? AND c.name = ?", [database_id, name]).fetchone()
        return Collection.from_row(found)

    def collections(self, database: DatabaseName) -> list[Collection]:
        """The database's collections, oldest first."""
        rows = self._database.connection().execute(
            _SELECT + "WHERE d.tenant = ? AND d.name = ? ORDER BY c.seq", [database.tenant, database.name]
        )
        return [Collection.from_row(row) for row in rows]

    def collection(self, database: DatabaseName, name: str) -> Collection:
        """The collection of that name; raises NotFound."""
        key = [database.tenant, database.name, name]
        row = (
            self._database.connection()
            .execute(_SELECT + "WHERE d.tenant = ? AND d.name = ? AND c.name = ?", key)
            .fetchone()
        )
        if row is None:
            raise NotFound(f"Collection [{name}] does not exist")
        return Collection.from_row(row)

    def collection_by_id(self, collection_id: str) -> Collection:
        """The collection of that uuid; raises InvalidArgument for what is no uuid, and NotFound."""
        if not _UUID.fullmatch(collection_id):
            raise InvalidArgument("Collection ID is not a valid UUIDv4")
        key = str(uuid.UUID(collection_id))
        row = self._database.connection().execute(_SELECT + "WHERE c.id = ?", [key]).fetchone()
        if row is None:
            raise NotFound(f"Collection [{key}] does not exist.")
        return Collection.from_row(row)

    def update_collection(
        self,
        collection: Collection,
        new_name: str | None,
        new_metadata: Mapping[str, MetadataValue] | None,
        new_configuration: Mapping[str, Any] | None,
    ) -> None:
        """Rename it, replace its metadata, change its configuration; what is None stays."""
        if new_name is not None:
            check_name(new_name, "new_name")
        _check_metadata(new_metadata, "new_metadata")
        metadata = collection.metadata if new_metadata is None else new_metadata
        configuration = updated(collection.configuration, new_configuration or {})
        row = [new_name or collection.name, _json(metadata), json.dumps(configuration), collection.id]
        with self._database.writing() as sql:
            try:
                sql.execute("UPDATE collections SET name = ?, metadata = ?, configuration = ? WHERE id = ?", row)
            except sqlite3.IntegrityError:
                raise AlreadyExists(f"Collection [{new_name}] already exists") from None

    def delete_collection(self, collection: Collection) -> None:
        """Delete it with its records."""
        with self._database.writing() as sql:
            sql.execute("DELETE FROM records WHERE collection_id = ?", [collection.id])
            sql.execute("DELETE FROM collections WHERE id = ?", [collection.id])

    def check(self) -> None:
        """Raise when the file cannot be read."""
        self._database.connection().execute("SELECT count(*) FROM tenants").fetchone()


def check_name(name: str, field: str | None = None) -> None:
    """Raise InvalidArgument unless ``name`` is one that Chroma takes for a collection or database."""
    where = f"Validation error: {field}: " if field else ""
    if not ACCEPTED.fullmatch(name):
        raise InvalidArgument(
            f"{where}Expected a name containing 3-512 characters from [a-zA-Z0-9._-], "
            f"starting and ending with a character in [a-zA-Z0-9]. Got: {name}"
        )
    if ".." in name:
        kind = "does not contains two consecutive periods (..)"
        raise InvalidArgument(f"{where}Expected a name that {kind}. Got {name}")
    if is_ip_address(name):
        raise InvalidArgument(f"{where}Expected a name that is not a valid ip address. Got {name}")


def _check_metadata(metadata: Mapping[str, Any] | None, field: str) -> None:
    if metadata == {}:
        raise InvalidArgument(f"Validation error: {field}: Metadata cannot be empty")


def _database_id(sql: sqlite3.Connection, name: DatabaseName) -> str | None:
    row = sql.execute("SELECT id FROM databases WHERE tenant = ? AND name = ?", [name.tenant, name.name]).fetchone()
    return row["id"] if row else None


def _json(metadata: Mapping[str, Any] | None) -> str | None:
    return json.dumps(metadata) if metadata else None
