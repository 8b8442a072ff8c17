"""The backend's composition root: ``gunicorn 'backend.app:create_app()'``."""

from __future__ import annotations

from flask import Flask

from backend.adapters import SystemClock
from backend.composition import Clients
from backend.distributed_saga import new_saga_id
from backend.ending_metrics import EndingMetrics
from backend.generations import Generations
from backend.identity import install_user_check
from backend.log_away import install_log_errors
from backend.routes.console import console_blueprint
from backend.routes.events import events_blueprint
from backend.routes.operators import operators_blueprint
from backend.routes.projects import projects_blueprint
from backend.routes.sagas import sagas_blueprint
from backend.saga.ports import SagaLog
from backend.saga_log import open_saga_log
from backend.saga_metrics import SagaMetrics
from backend.settings import Settings
from service_kit.app import create_service
from service_kit.logs import configure_logging
from service_kit.settings import load_settings

NAME = "backend"


def create_app(settings: Settings | None = None, saga_log: SagaLog | None = None) -> Flask:
    """The backend's web application.

    Args:
        settings: read from the environment when None.
        saga_log: opened from the settings when None.

    Raises:
        SettingsError: a setting is missing or wrong.
    """
    if settings is None:
        settings = load_settings(Settings, NAME)
        configure_logging(NAME)
    log = saga_log or open_saga_log(settings.saga_log_url)
    generations = Generations(log, SystemClock(), new_saga_id, limits=settings.queue_limits())
    app = create_service(
        NAME,
        version="1",
        description="Generates a project's wiki and stores it through a saga.",
        verifier=None,
        ready={"saga log": lambda: log.find(limit=1)},
    )
    for metrics in (SagaMetrics(log), EndingMetrics(log)):
        app.extensions["metrics_registry"].register(metrics)
    install_log_errors(app)
    install_user_check(app, settings.user_verifier())
    app.register_api(projects_blueprint(generations, Clients(settings)))
    app.register_api(sagas_blueprint(generations))
    app.register_api(operators_blueprint(generations))
    app.register_blueprint(events_blueprint(log))
    app.register_blueprint(console_blueprint())
    return app
