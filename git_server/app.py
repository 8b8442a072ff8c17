"""The composition root of git_server: ``gunicorn 'git_server.app:create_app()'``."""

from __future__ import annotations

import time
from collections.abc import Callable

import requests
from flask import Flask

from git_server.git import Git
from git_server.ledger import Ledger
from git_server.lock import ProjectLocks
from git_server.maintenance import Maintenance
from git_server.reading import ISSUER, FileReader
from git_server.repository import Repositories
from git_server.routes import install_routes
from git_server.settings import Settings
from git_server.smart_http import PasswordIsToken, make_smart_http
from git_server.store import SnapshotStore
from service_kit.app import create_service
from service_kit.logs import configure_logging
from service_kit.settings import load_settings

VERSION = "1.0.0"
DESCRIPTION = "Snapshots of a project's files as git commits that a saga can undo; read-only git over HTTP."
_POOL = 32  # kept-alive connections to filesystem_server: gunicorn's threads times parallel reads


def create_app(
    settings: Settings | None = None,
    session: requests.Session | None = None,
    *,
    clock: Callable[[], float] = time.time,
) -> Flask:
    """The service, with everything decided before a crash applied. ``app.extensions["ledger"].close()`` lets go of it.

    Args:
        settings: read from the environment when None.
        session: the HTTP client for filesystem_server, used by one thread per request; a pooled one, used by
            several, when None.
        clock: wall-clock seconds, for the age of barrier records.

    Raises:
        SettingsError, GitMissing: the service cannot start; the message says what to do.
    """
    if settings is None:
        settings = load_settings(Settings, "git_server")
        configure_logging("git_server")
    for folder in (settings.data_dir, settings.data_dir / ".home", settings.data_dir / ".locks"):
        folder.mkdir(parents=True, exist_ok=True)
    git = Git(settings.data_dir / ".home")
    repositories = Repositories(settings.data_dir, git)
    ledger = Ledger(settings.data_dir / "barrier.sqlite3", clock)
    store = SnapshotStore(repositories, ledger, ProjectLocks(settings.data_dir / ".locks", settings.lock_timeout))
    reader = _file_reader(settings, session)
    maintenance = Maintenance(store, settings.barrier_retention, settings.prune_grace, clock)
    maintenance.start_up()
    app = create_service(
        "git_server",
        version=VERSION,
        description=DESCRIPTION,
        verifier=settings.verifier(),
        ready={"disk": store.check, "filesystem_server": reader.check},
    )
    install_routes(app, store, reader, maintenance)
    app.register_blueprint(make_smart_http(store))
    app.wsgi_app = PasswordIsToken(app.wsgi_app)  # type: ignore[method-assign]
    app.extensions["ledger"] = ledger
    return app


def _file_reader(settings: Settings, session: requests.Session | None) -> FileReader:
    return FileReader(
        url=str(settings.filesystem_url).rstrip("/"),
        session=session or pooled_session(),
        minter=settings.minter(ISSUER),
        silence=settings.filesystem_timeout,
        time_limit=settings.reading_timeout,
        parallel=1 if session else settings.reading_parallel,
    )


def pooled_session() -> requests.Session:
    """A session that keeps its connections and takes nothing (proxies, passwords) from the environment."""
    session = requests.Session()
    session.trust_env = False
    session.mount("http://", requests.adapters.HTTPAdapter(pool_maxsize=_POOL))
    return session
