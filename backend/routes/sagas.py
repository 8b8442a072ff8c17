"""Sagas: list, status, history, statistics, dead letters, the operators' verbs."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from flask_openapi3.blueprint import APIBlueprint

from backend.generations import CANCELLABLE, Generations, event_as_json
from backend.identity import visible_project
from backend.saga.errors import NotAllowed, UnknownSaga
from backend.saga.ports import SagaRecord
from backend.saga.state import SagaState
from backend.schemas import EventsQuery, OperatorIn, SagaPath, SagasQuery, StatsQuery
from backend.statistics import statistics
from service_kit import problems
from service_kit.app import caller, require_project

STATS_LIMIT = 10_000  # newest sagas of a window that the statistics read


def sagas_blueprint(generations: Generations) -> APIBlueprint:
    """/api/sagas, /api/stats, /api/dead-letters."""
    routes = APIBlueprint("sagas", __name__, url_prefix="/api")
    log = generations.saga_log

    def visible(saga_id: str) -> SagaRecord:
        record = _found(lambda: log.get(saga_id))
        if not visible_project(record.project_id):
            raise problems.Forbidden("the token does not cover the saga's project")
        return record

    @routes.get("/sagas")
    def list_sagas(query: SagasQuery) -> dict[str, Any]:
        """Sagas, newest first; `next` leads to the next page."""
        if query.project:
            require_project(query.project)
        project = query.project or _only_project()
        page = log.find(
            state=query.state, project_id=project, since=query.since, limit=query.limit, before=_cursor(query.before)
        )
        rows = [_row(record) for record in page if visible_project(record.project_id)]
        more = f"{page[-1].created_at!r}~{page[-1].saga_id}" if len(page) == query.limit else None
        return {"sagas": rows, "next": more}

    @routes.get("/sagas/<string:saga_id>")
    def show_saga(path: SagaPath) -> dict[str, Any]:
        """One saga's status."""
        return generations.status(visible(path.saga_id))

    @routes.get("/sagas/<string:saga_id>/events")
    def show_events(path: SagaPath, query: EventsQuery) -> dict[str, Any]:
        """One saga's history."""
        record = visible(path.saga_id)
        return {"events": [event_as_json(entry) for entry in log.events(record.saga_id, query.after)]}

    @routes.get("/stats")
    def show_statistics(query: StatsQuery) -> dict[str, Any]:
        """Rates, latencies in seconds, and step failures of the sagas of a window."""
        since = generations.clock.now() - query.window
        records = log.find(project_id=_only_project(), since=since, limit=STATS_LIMIT)
        figures = statistics([entry.event for entry in log.events(record.saga_id)] for record in records)
        dead = len(log.find(state=SagaState.FAILED, project_id=_only_project(), limit=STATS_LIMIT))
        return figures | {"window": query.window, "dead_letters": dead}

    @routes.get("/dead-letters")
    def list_dead_letters() -> dict[str, Any]:
        """Sagas whose rollback is stuck, with the evidence."""
        records = log.find(state=SagaState.FAILED, project_id=_only_project(), limit=500)
        return {"dead_letters": [generations.dead_letter(record) for record in records]}

    def operate(saga_id: str, body: OperatorIn, verb: Callable[[str, str, str], SagaRecord]) -> dict[str, Any]:
        record = visible(saga_id)
        by = body.by or caller().user
        if body.dry_run:
            return {"would": _plan(generations, verb.__name__, record), "saga_id": saga_id, "dry_run": True}
        return generations.status(_found(lambda: verb(saga_id, by, body.reason)))

    @routes.post("/sagas/<string:saga_id>/retry")
    def retry_saga(path: SagaPath, body: OperatorIn) -> dict[str, Any]:
        """Let a parked saga try its rollback again, now."""
        return operate(path.saga_id, body, generations.retry)

    @routes.post("/sagas/<string:saga_id>/skip")
    def skip_step(path: SagaPath, body: OperatorIn) -> dict[str, Any]:
        """Give up undoing the step on which a parked saga is stuck; what it left stays, on record."""
        return operate(path.saga_id, body, generations.skip)

    @routes.post("/sagas/<string:saga_id>/cancel")
    def cancel_saga(path: SagaPath, body: OperatorIn) -> dict[str, Any]:
        """Roll an undecided saga back."""
        return operate(path.saga_id, body, generations.cancel)

    return routes


def _found(work: Callable[[], SagaRecord]) -> SagaRecord:
    try:
        return work()
    except UnknownSaga as unknown:
        raise problems.NotFound(str(unknown)) from None
    except NotAllowed as refused:
        raise problems.Conflict(str(refused)) from None


def _plan(generations: Generations, verb: str, record: SagaRecord) -> str:
    """What the verb would do, or the refusal that it would get."""
    allowed = CANCELLABLE if verb == "cancel" else (SagaState.FAILED,)
    if record.state not in allowed:
        states = ", ".join(allowed)
        raise problems.Conflict(f"saga {record.saga_id!r} is {record.state}; this is for sagas that are {states}")
    if verb == "skip":
        step = _stuck(generations, record)
        return f"leave the effect of {step!r} in place and undo the steps before it"
    if verb == "retry":
        return f"call the compensation of {_stuck(generations, record)!r} again, then of the steps before it"
    return f"roll back what saga {record.saga_id} has started; it is {record.state}"


def _stuck(generations: Generations, record: SagaRecord) -> str:
    try:
        return generations.stuck_step(record.saga_id)
    except NotAllowed as refused:
        raise problems.Conflict(str(refused)) from None


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


def _only_project() -> str | None:
    project = caller().project
    return None if caller().covers("") else project


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
