"""The backend's answers while its saga log cannot be reached."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest
import sqlalchemy.exc

from backend.saga_log import MemorySagaLog
from tests.integration.backend_app import client_of

GONE = sqlalchemy.exc.OperationalError("SELECT 1", {}, psycopg.OperationalError("server closed the connection"))


class Away(MemorySagaLog):
    """Every look at it ends with the same error."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error

    def find(self, **filters: Any) -> Any:
        raise self.error

    def all_events(self, *arguments: Any) -> Any:
        raise self.error


def answer(error: Exception) -> Any:
    return client_of(Away(error)).get("/api/sagas")


@pytest.mark.parametrize(
    "error",
    [
        GONE,
        sqlalchemy.exc.InterfaceError("SELECT 1", {}, psycopg.InterfaceError("the connection is closed")),
        sqlalchemy.exc.InternalError("INSERT", {}, psycopg.errors.ReadOnlySqlTransaction("cannot execute INSERT")),
        sqlalchemy.exc.PendingRollbackError("Can't reconnect until invalid transaction is rolled back."),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_database_that_is_away_is_a_503_that_says_when_to_come_back(error):
    found = answer(error)
    assert (found.status_code, found.json["type"]) == (503, "unavailable")
    assert int(found.headers["Retry-After"]) > 0
    assert "SELECT" not in found.text and "INSERT" not in found.text


def test_a_stream_of_events_that_is_being_read_ends_so_that_its_reader_comes_back():
    (only,) = client_of(Away(GONE)).get("/api/events?after=7", buffered=False).iter_encoded()
    assert only.decode() == "retry: 1000\nid: 7\n\n"


def test_a_defect_of_ours_stays_a_500():
    found = answer(sqlalchemy.exc.ProgrammingError("SELEC 1", {}, psycopg.ProgrammingError("syntax error")))
    assert (found.status_code, found.json["type"]) == (500, "internal-error")
    assert "SELEC" not in found.text
