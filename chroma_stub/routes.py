"""The server's own endpoints, tenants, databases and collections."""

from __future__ import annotations

import time
from typing import Any

from flask import Response, g, jsonify
from flask_openapi3.models.tag import Tag
from flask_openapi3.openapi import OpenAPI
from pydantic import BaseModel

from chroma_stub import shapes
from chroma_stub.auth import covers, require_collection, require_operator
from chroma_stub.database import DEFAULT_DATABASE, DEFAULT_TENANT
from chroma_stub.errors import Forbidden, InvalidArgument, NotFound
from chroma_stub.store import Collection, DatabaseName, Store

API = "/api/v2"
TENANT = f"{API}/tenants/<tenant>"
DATABASE = f"{TENANT}/databases/<database>"
COLLECTIONS = f"{DATABASE}/collections"
MAX_BATCH = 5461
SERVER_VERSION = "1.0.0"  # what the real server says, whatever its package is
_SERVER, _TENANTS, _COLLECTIONS = Tag(name="server"), Tag(name="tenants, databases"), Tag(name="collections")


class TenantPath(BaseModel):
    """A tenant by name."""

    tenant: str


class DatabasePath(TenantPath):
    """A database by its name and its tenant's."""

    database: str

    def key(self) -> DatabaseName:
        """The database; raises InvalidArgument for a name that none can have."""
        if len(self.database) < 3:
            raise InvalidArgument("database name must be at least 3 characters")
        return DatabaseName(self.tenant, self.database)


class CollectionPath(DatabasePath):
    """A collection, by name or by uuid as the endpoint has it."""

    collection: str


def install(app: OpenAPI, store: Store) -> None:
    """Add the routes to ``app``."""
    _install_server(app)
    _install_tenants(app, store)
    _install_databases(app, store)
    _install_collections(app, store)
    _install_one_collection(app, store)


def collection_json(collection: Collection) -> dict[str, Any]:
    """The collection as answers show it (``schema`` is left out, which Chroma's clients take)."""
    return {
        "id": collection.id,
        "name": collection.name,
        "configuration_json": collection.configuration,
        "metadata": collection.metadata,
        "dimension": collection.dimension,
        "tenant": collection.database.tenant,
        "database": collection.database.name,
        "log_position": 0,
        "version": 0,
    }


def _install_server(app: OpenAPI) -> None:
    @app.get(f"{API}/heartbeat", tags=[_SERVER])
    @app.get(API, tags=[_SERVER], doc_ui=False)
    def heartbeat() -> Response:
        """The server's clock, in nanoseconds."""
        return jsonify({"nanosecond heartbeat": time.time_ns()})

    @app.get(f"{API}/version", tags=[_SERVER])
    def version() -> Response:
        """The server's version."""
        return jsonify(SERVER_VERSION)

    @app.get(f"{API}/healthcheck", tags=[_SERVER])
    def healthcheck() -> Response:
        """Whether the server's parts are ready."""
        return jsonify(is_executor_ready=True, is_log_client_ready=True)

    @app.get(f"{API}/pre-flight-checks", tags=[_SERVER])
    def pre_flight_checks() -> Response:
        """What a client must know before it sends records."""
        return jsonify(max_batch_size=MAX_BATCH, supports_base64_encoding=True)

    @app.get(f"{API}/auth/identity", tags=[_SERVER])
    def identity() -> Response:
        """Who the caller is."""
        return jsonify(user_id="", tenant=DEFAULT_TENANT, databases=[DEFAULT_DATABASE])

    @app.post(f"{API}/reset", tags=[_SERVER])
    def reset() -> Response:
        """Refused, as Chroma does unless it is configured otherwise."""
        return jsonify({"error": "ChromaError", "message": "Reset is disabled by config"}), 403  # type: ignore[return-value]

    @app.route("/api/v1")
    @app.route("/api/v1/<path:rest>")
    def first_version(rest: str = "") -> tuple[Response, int]:
        return jsonify({"error": "Unimplemented", "message": "The v1 API is deprecated. Please use /v2 apis"}), 410


def _install_tenants(app: OpenAPI, store: Store) -> None:
    @app.post(f"{API}/tenants", tags=[_TENANTS])
    def create_tenant(body: shapes.CreateTenant) -> Response:
        """A new tenant."""
        require_operator(g.caller)
        store.create_tenant(body.name)
        return jsonify({})

    @app.get(TENANT, tags=[_TENANTS])
    def get_tenant(path: TenantPath) -> Response:
        """A tenant by name."""
        store.check_tenant(path.tenant)
        return jsonify(name=path.tenant, resource_name=None)


def _install_databases(app: OpenAPI, store: Store) -> None:
    @app.post(f"{TENANT}/databases", tags=[_TENANTS])
    def create_database(path: TenantPath, body: shapes.CreateDatabase) -> Response:
        """A new database."""
        require_operator(g.caller)
        store.create_database(DatabaseName(path.tenant, body.name))
        return jsonify({})

    @app.get(f"{TENANT}/databases", tags=[_TENANTS])
    def list_databases(path: TenantPath, query: shapes.Page) -> Response:
        """A tenant's databases."""
        found = store.databases(path.tenant, query.limit, query.offset)
        return jsonify([{"id": uid, "name": name.name, "tenant": name.tenant} for uid, name in found])

    @app.get(DATABASE, tags=[_TENANTS])
    def get_database(path: DatabasePath) -> Response:
        """A database by name."""
        return jsonify(id=store.database_id(path.key()), name=path.database, tenant=path.tenant)

    @app.delete(DATABASE, tags=[_TENANTS])
    def delete_database(path: DatabasePath) -> Response:
        """Delete a database with all that is in it."""
        require_operator(g.caller)
        store.delete_database(path.key())
        return jsonify({})


def _install_collections(app: OpenAPI, store: Store) -> None:
    @app.post(COLLECTIONS, tags=[_COLLECTIONS])
    def create_collection(path: DatabasePath, body: shapes.CreateCollection) -> Response:
        """A new collection, or with ``get_or_create`` the one that is there."""
        require_collection(g.caller, body.name)
        found = store.create_collection(
            path.key(), body.name, body.metadata, body.configuration, get_or_create=body.get_or_create
        )
        return jsonify(collection_json(found))

    @app.get(COLLECTIONS, tags=[_COLLECTIONS])
    def list_collections(path: DatabasePath, query: shapes.Page) -> Response:
        """The database's collections that the caller's token covers."""
        found = [each for each in store.collections(path.key()) if covers(g.caller, each.name)]
        end = None if query.limit is None else query.offset + query.limit
        return jsonify([collection_json(each) for each in found[query.offset : end]])

    @app.get(f"{DATABASE}/collections_count", tags=[_COLLECTIONS])
    def count_collections(path: DatabasePath) -> Response:
        """How many collections the caller's token covers."""
        return jsonify(sum(covers(g.caller, each.name) for each in store.collections(path.key())))


def _install_one_collection(app: OpenAPI, store: Store) -> None:
    @app.get(f"{COLLECTIONS}/<collection>", tags=[_COLLECTIONS])
    def get_collection(path: CollectionPath) -> Response:
        """A collection by name."""
        require_collection(g.caller, path.collection)
        return jsonify(collection_json(store.collection(path.key(), path.collection)))

    @app.get(f"{COLLECTIONS}/by-id/<collection>", tags=[_COLLECTIONS])
    def get_collection_by_id(path: CollectionPath) -> Response:
        """A collection by uuid."""
        try:
            return jsonify(collection_json(known_collection(store, path)))
        except NotFound as missing:
            raise NotFound(missing.message.rstrip(".")) from None  # this endpoint alone has no full stop
        except InvalidArgument:
            message = "Validation error: collection_id: Invalid collection ID format, expected UUID"
            raise InvalidArgument(message) from None

    @app.put(f"{COLLECTIONS}/<collection>", tags=[_COLLECTIONS])
    def update_collection(path: CollectionPath, body: shapes.UpdateCollection) -> Response:
        """Rename a collection (by uuid), replace its metadata, change its configuration."""
        found = known_collection(store, path)
        if body.new_name is not None:
            require_collection(g.caller, body.new_name)
        store.update_collection(found, body.new_name, body.new_metadata, body.new_configuration)
        return jsonify({})

    @app.delete(f"{COLLECTIONS}/<collection>", tags=[_COLLECTIONS])
    def delete_collection(path: CollectionPath) -> Response:
        """Delete a collection by name, with its records."""
        require_collection(g.caller, path.collection)
        store.delete_collection(store.collection(path.key(), path.collection))
        return jsonify({})


def known_collection(store: Store, path: CollectionPath) -> Collection:
    """The collection of the uuid in ``path``; raises NotFound, Forbidden, InvalidArgument."""
    found = store.collection_by_id(path.collection)
    if not covers(g.caller, found.name):
        raise Forbidden("the token does not cover this collection")
    return found
