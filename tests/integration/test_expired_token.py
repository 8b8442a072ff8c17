"""A 401 in the middle of a rollback: a new token is minted and the rollback goes on (R14, DESIGN section 5)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from flask import Flask

import filesystem_server.app
from backend.clients.filesystem import FilesystemClient
from backend.clients.transport import Headers, HttpLink
from backend.distributed_saga import DistributedSaga, Refused
from backend.saga.events import EventType
from backend.saga_log import MemorySagaLog
from service_kit.names import INTERNAL_TOKEN
from service_kit.tokens import LEEWAY_SECONDS, KeyRing, TokenMinter
from tests.integration.auditor_system import serving

PROJECT = "p1"
OLD, NEW = "k1:" + "o" * 32, "k2:" + "n" * 32
BEFORE, AFTER = {"a.md": "before\n"}, {"a.md": "after\n", "b.md": "new\n"}


class Server:
    """filesystem_server on one data folder; its keys can be exchanged while it runs, as by a restart."""

    def __init__(self, data: Path) -> None:
        self.data, self.statuses = data, list[tuple[str, int]]()
        self.front = Flask("front")
        self.front.wsgi_app = self  # type: ignore[method-assign, assignment]
        self.use(OLD)

    def use(self, keys: str) -> None:
        settings = filesystem_server.app.Settings(internal_token_keys=keys, data_dir=self.data)
        self.app = filesystem_server.app.create_app(settings)

    def __call__(self, environ, start_response):  # a WSGI application
        def note(status, *more):
            self.statuses.append((environ["REQUEST_METHOD"], int(status[:3])))
            return start_response(status, *more)

        return self.app(environ, note)

    def files(self) -> dict[str, str]:
        folder = self.data / PROJECT
        return {path.name: path.read_text() for path in folder.iterdir() if path.is_file()}


class Tokens:
    """Headers as a coordinator makes them: a token is used again until it is close to its end, as it believes."""

    def __init__(self) -> None:
        self.keys, self.minted = OLD, 0
        self.cached: list[str] = []

    def mint(self, **more: float) -> str:
        self.minted += 1
        return TokenMinter(KeyRing.parse(self.keys), "backend", **more).mint("ann", PROJECT)

    def __call__(self) -> Headers:
        return {INTERNAL_TOKEN: self.cached.pop() if self.cached else self.mint()}


@pytest.fixture
def server(tmp_path: Path) -> Server:
    return Server(tmp_path / "files")


@pytest.fixture
def url(server: Server) -> Iterator[str]:
    with serving(server.front) as found:
        yield found


@pytest.fixture
def tokens() -> Tokens:
    return Tokens()


def run(url: str, tokens: Tokens, between: object) -> dict[str, object]:
    """Save files, then ``between`` happens, then a step is refused, so that the files have to go again."""
    client = FilesystemClient(HttpLink(url, tokens))

    def refuse() -> None:
        between()  # type: ignore[operator]
        raise Refused("no")

    first = requests.post(f"{url}/files/{PROJECT}", json=_body(BEFORE), headers=dict(tokens()), timeout=10)
    assert first.status_code == 201
    log = MemorySagaLog()
    saga = DistributedSaga("s1", project_id=PROJECT, user_id="ann", log=log)
    saga.add_step(
        "Save files",
        lambda context: client.save_all(context, PROJECT, AFTER),
        lambda context: client.undo_all(context, PROJECT),
    )
    saga.add_step("Refuse", refuse)
    result = saga.execute()
    assert EventType.UNDO_FAILED not in [entry.event.type for entry in log.events("s1")]  # not even one attempt failed
    return result


def _body(files: dict[str, str]) -> dict[str, object]:
    return {"files": [{"filename": name, "content": text} for name, text in files.items()]}


def test_a_token_that_expired_while_the_saga_ran_is_replaced_and_the_rollback_succeeds(server, url, tokens):
    def expire() -> None:
        tokens.cached.append(tokens.mint(lifetime=-LEEWAY_SECONDS - 1))

    result = run(url, tokens, expire)
    assert result["status"] == "failed"
    assert result["saga_status"]["state"] == "rolled_back"
    assert [status for method, status in server.statuses if method == "DELETE"] == [401, 204]
    assert server.files() == BEFORE


def test_a_key_that_was_exchanged_while_the_saga_ran_does_not_stop_the_rollback(server, url, tokens):
    def rotate() -> None:
        tokens.cached.append(tokens.mint())  # good until now
        tokens.keys = NEW
        server.use(NEW)

    result = run(url, tokens, rotate)
    assert result["saga_status"]["state"] == "rolled_back"
    assert [status for method, status in server.statuses if method == "DELETE"] == [401, 204]
    assert server.files() == BEFORE
