"""What the contract suites of the saga log share."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from backend.saga.events import Event, EventType
from backend.saga.ports import Admission, NewSaga, SagaLog, SagaRecord
from tests.support.postgres import server_or_skip

T = EventType
TYPES = ("wiki",)
LEASE = 5.0
TABLES = "DROP TABLE IF EXISTS events, sagas, spared, meta"


def event(kind: EventType, step: str | None = None, at: float = 1.0, **data: object) -> Event:
    return Event(kind, at, step, data)


def enter(
    log: SagaLog,
    saga_id: str,
    project: str = "p",
    *,
    key: str | None = None,
    at: float = 1.0,
    kind: str = "wiki",
    admission: Admission | None = None,
) -> SagaRecord:
    saga = NewSaga(saga_id, kind, project, "ann", {"n": 1}, key)
    return log.create(saga, event(T.REQUESTED, at=at), admission=admission or Admission())


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """A server for the whole run, started by the first test that asks for it."""
    with server_or_skip() as server:
        yield server.url()


def fresh_url(request: pytest.FixtureRequest, kind: str) -> str:
    """The URL of an empty log that several log objects may open: ``sqlite``, ``postgresql`` or ``memory``."""
    if kind == "memory":
        return "memory:"
    if kind == "sqlite":
        folder: Path = request.getfixturevalue("tmp_path")
        return f"sqlite:///{folder}/log.sqlite3"
    url: str = request.getfixturevalue("postgres_url")
    engine = create_engine(url.replace("postgresql:", "postgresql+psycopg:"))
    with engine.begin() as connection:
        connection.execute(text(TABLES))
    engine.dispose()
    return url


def in_threads(calls: Sequence[Callable[[], object]]) -> None:
    """Make all calls at the same time; raise what any of them raised."""
    with ThreadPoolExecutor(len(calls)) as pool:
        for future in [pool.submit(call) for call in calls]:
            future.result()
