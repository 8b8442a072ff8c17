"""The composition root of filesystem_server.

One or more worker processes: ``gunicorn 'filesystem_server.app:create_app()' -c python:service_kit.gunicorn_conf``.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from flask import Flask
from pydantic import Field

from filesystem_server.routes import install_routes
from filesystem_server.store import Store
from service_kit.app import create_service
from service_kit.logs import configure_logging
from service_kit.settings import ServiceSettings, load_settings

NAME = "filesystem_server"
_DAY_SECONDS = 86_400.0


class Settings(ServiceSettings):
    """What filesystem_server needs.

    Attributes:
        barrier_keep_days: how long records of closed sagas are kept; longer than any call can be on its way.
    """

    barrier_keep_days: float = Field(default=7.0, gt=0)


def create_app(settings: Settings | None = None, *, clock: Callable[[], float] = time.time) -> Flask:
    """The service, its journal redone and its data folder ready. ``app.extensions["store"].close()`` lets go of it.

    Args:
        settings: read from the environment when None.
        clock: wall-clock seconds, for the age of barrier records.

    Raises:
        SettingsError: a setting is missing or wrong.
        Problem, OSError: the data folder cannot be used.
    """
    if settings is None:
        settings = load_settings(Settings, NAME)
        configure_logging(NAME)
    store = Store(settings.data_dir, settings.barrier_keep_days * _DAY_SECONDS, clock)
    app = create_service(
        NAME,
        version="1",
        description="Files of projects, saved by sagas that can take every write back.",
        verifier=settings.verifier(),
        ready={"disk": store.check},
    )
    app.url_map.merge_slashes = False  # "/file/p//x" is a bad name, not a redirect to another file
    install_routes(app, store)
    app.extensions["store"] = store
    return app
