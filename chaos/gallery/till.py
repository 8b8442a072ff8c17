"""A participant like a payment service: one charge for each idempotency key; a refund takes back all of a saga's,
for ever.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import requests
from flask import Flask, Response, jsonify, request

from chaos.explorer.machines import App
from service_kit import names

SCHEMA = """
CREATE TABLE IF NOT EXISTS charge (key TEXT PRIMARY KEY, saga_id TEXT NOT NULL, amount INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS refunded (saga_id TEXT PRIMARY KEY);
"""


class Till:
    """Keeps charges in a database in ``folder``."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "till.sqlite3"
        with self._transaction() as db:
            for statement in SCHEMA.split(";"):
                db.execute(statement)

    def charge(self, saga_id: str, key: str, amount: int) -> bool:
        """Charge once per key; False when the saga was refunded."""
        with self._transaction() as db:
            if db.execute("SELECT 1 FROM refunded WHERE saga_id = ?", (saga_id,)).fetchone():
                return False
            db.execute("INSERT OR IGNORE INTO charge VALUES (?, ?, ?)", (key, saga_id, amount))
            return True

    def refund(self, saga_id: str) -> None:
        """Take back what the saga charged, and let it charge no more."""
        with self._transaction() as db:
            db.execute("INSERT OR IGNORE INTO refunded VALUES (?)", (saga_id,))
            db.execute("DELETE FROM charge WHERE saga_id = ?", (saga_id,))

    def balance(self) -> int:
        """The sum of all charges."""
        with self._transaction() as db:
            total: int = db.execute("SELECT coalesce(sum(amount), 0) FROM charge").fetchone()[0]
            return total

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        """One writer at a time; all or nothing."""
        with closing(sqlite3.connect(self._path, isolation_level=None)) as db:
            db.execute("BEGIN IMMEDIATE")
            yield db
            db.execute("COMMIT")


def make(folder: Path, session: requests.Session) -> tuple[App, Any]:
    """The till as the explorer opens it."""
    app, till = Flask("till"), Till(folder)

    @app.post("/charges")
    def charge() -> tuple[Response, int]:
        saga_id, key = request.headers[names.SAGA_ID], request.headers[names.IDEMPOTENCY_KEY]
        if not till.charge(saga_id, key, request.get_json()["amount"]):
            return jsonify(type="saga-compensated"), 409
        return jsonify(key=key), 201

    @app.delete("/charges")
    def refund() -> tuple[str, int]:
        till.refund(request.headers[names.SAGA_ID])
        return "", 204

    @app.get("/balance")
    def balance() -> Response:
        return jsonify(charged=till.balance())

    return app, lambda: None
