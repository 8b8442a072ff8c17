"""Sagas: list, status, history, statistics."""

from __future__ import annotations

import math
from typing import Any

from flask_openapi3.blueprint import APIBlueprint

from backend.generations import Generations, event_as_json
from backend.identity import visible_project
from backend.routes.visible import only_project, visible_saga
from backend.saga.ports import SagaRecord
from backend.schemas import EventsQuery, SagaPath, SagasQuery, StatsQuery
from service_kit import problems
from service_kit.app import require_project


def sagas_blueprint(generations: Generations) -> APIBlueprint:
    """/api/sagas, /api/stats."""
    routes = APIBlueprint("sagas", __name__, url_prefix="/api")
    log = generations.saga_log

    @routes.get("/sagas")
    def list_sagas(query: SagasQuery) -> dict[str, Any]:
        """Sagas, newest first; `next` leads to the next page."""
        if query.project:
            require_project(query.project)
        project = query.project or only_project()
        page = log.find(
            state=query.state, project_id=project, since=query.since, limit=query.limit, before=_cursor(query.before)
        )
        rows = [_row(record) for record in page if visible_project(record.project_id)]
        more = f"{page[-1].created_at!r}~{page[-1].saga_id}" if len(page) == query.limit else None
        return {"sagas": rows, "next": more}

    @routes.get("/sagas/<string:saga_id>")
    def show_saga(path: SagaPath) -> dict[str, Any]:
        """One saga's status."""
        return generations.status(visible_saga(log, path.saga_id))

    @routes.get("/sagas/<string:saga_id>/events")
    def show_events(path: SagaPath, query: EventsQuery) -> dict[str, Any]:
        """One saga's history."""
        record = visible_saga(log, path.saga_id)
        return {"events": [event_as_json(entry) for entry in log.events(record.saga_id, query.after)]}

    @routes.get("/stats")
    def show_statistics(query: StatsQuery) -> dict[str, Any]:
        """Rates, latencies in seconds, and step failures of the sagas of a window."""
        return generations.statistics(query.window, only_project())

    return routes


def _row(record: SagaRecord) -> dict[str, Any]:
    return {
        "saga_id": record.saga_id,
        "project_id": record.project_id,
        "user_id": record.user_id,
        "state": str(record.state),
        "closed": record.closed,
        "created_at": record.created_at,
        "updated_at": record.updated_at,
    }


def _cursor(text: str | None) -> tuple[float, str] | None:
    if text is None:
        return None
    at, tilde, saga_id = text.partition("~")
    try:
        if not tilde or not math.isfinite(created := float(at)):
            raise ValueError
        return created, saga_id
    except ValueError:
        raise problems.InvalidRequest("take it from `next` of the page before", field="before") from None
