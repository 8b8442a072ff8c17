"""A real backend for the console's tests: gunicorn on a SQLite saga log that the test writes to as well."""

from __future__ import annotations

from pathlib import Path

from backend.saga_log import SqlSagaLog
from service_kit.tokens import USER, KeyRing, TokenMinter
from tests.contract.stub_process import KEYS, StubProcess

NOWHERE = "http://127.0.0.1:9"  # the console needs no participants


def user_token(project: str = "*", user: str = "ada", lifetime: float = 600.0) -> str:
    """A user's token as `testbed token` prints it."""
    return TokenMinter(KeyRing.parse(KEYS), "testbed", USER, lifetime).mint(user, project)


class ConsoleBackend:
    """The backend's process and its log."""

    def __init__(self, folder: Path) -> None:
        url = f"sqlite:///{folder / 'saga-log.sqlite3'}"
        self.log = SqlSagaLog(url)
        services = dict.fromkeys(("FILESYSTEM_URL", "GIT_URL", "CHROMA_URL", "NEO4J_URL"), NOWHERE)
        environment = {"USER_TOKEN_KEYS": KEYS, "SAGA_LOG_URL": url, **services}
        self.process = StubProcess("backend", folder / "backend", environment).start()
        self.url = self.process.url

    def stop(self) -> None:
        self.process.stop()
        self.log.close()
