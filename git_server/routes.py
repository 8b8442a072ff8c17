"""The HTTP face: parse, call the store, answer."""

from __future__ import annotations

from flask import Response, jsonify, request
from flask_openapi3.models.tag import Tag
from flask_openapi3.openapi import OpenAPI

from git_server import models
from git_server.filenames import check_filenames
from git_server.maintenance import Maintenance
from git_server.reading import Errand, FileReader
from git_server.snapshots import Snapshot, Wanted, snapshot_id_of
from git_server.store import SnapshotStore
from service_kit import names
from service_kit.app import require_project
from service_kit.barrier import Branch
from service_kit.problems import Conflict, InvalidRequest
from service_kit.saga_projects import covered_projects, one_project

_SNAPSHOTS = Tag(name="snapshots", description="A project's files as one git commit that a saga can undo")
_TOKEN: list[dict[str, list[str]]] = [{"internal": []}]
_SAGAS = Tag(name="sagas", description="The end of a saga, and what is known of it")


def install_routes(app: OpenAPI, store: SnapshotStore, reader: FileReader, maintenance: Maintenance) -> None:
    """Add the routes of git_server's contract (DESIGN section 4) to ``app``."""
    _install_snapshots(app, store, reader)
    _install_sagas(app, store, maintenance)


def _install_snapshots(app: OpenAPI, store: SnapshotStore, reader: FileReader) -> None:
    @app.post("/snapshot/<project_id>", tags=[_SNAPSHOTS], security=_TOKEN, responses={201: models.SnapshotMade})
    def make_snapshot(
        path: models.ProjectPath, header: models.MaySagaHeader, body: models.SnapshotBody
    ) -> tuple[Response, int]:
        """Commit exactly these files to ``main``; pending until the saga is confirmed or undoes it."""
        who = require_project(path.project_id)
        wanted = _wanted(body, header)
        errand = Errand(who, path.project_id, wanted.saga_id, request.headers.get(names.TRACEPARENT))
        made = store.snapshot(path.project_id, wanted, lambda: reader.read(errand, wanted.files))
        return jsonify(vars(made)), 201

    @app.get("/snapshot/<project_id>", tags=[_SNAPSHOTS], security=_TOKEN, responses={200: models.SnapshotList})
    def list_snapshots(path: models.ProjectPath, query: models.Page) -> Response:
        """The project's snapshots, newest first."""
        require_project(path.project_id)
        found = store.newest(path.project_id, query.offset, query.limit + 1)
        holder = store.ledger.holder(path.project_id)
        return _pending(_page(path.project_id, found, query, holder), holder)

    @app.get(
        "/snapshot/<project_id>/<snapshot_id>",
        tags=[_SNAPSHOTS],
        security=_TOKEN,
        responses={200: models.SnapshotDetail},
    )
    def get_snapshot(path: models.SnapshotPath) -> Response:
        """One snapshot with its tree."""
        require_project(path.project_id)
        found, files = store.get(path.project_id, path.snapshot_id)
        row = _row(found, store.ledger.holder(path.project_id))
        return _pending(jsonify(row | {"files": [vars(file) for file in files]}), row["pending"])

    @app.delete("/snapshot/<project_id>/<snapshot_id>", tags=[_SNAPSHOTS], security=_TOKEN, responses={204: None})
    def undo_snapshot(path: models.SnapshotPath, header: models.SagaHeader) -> tuple[str, int]:
        """Undo the saga's snapshot: ``main`` points where it pointed before. Also blocks a snapshot still to come."""
        require_project(path.project_id)
        if path.snapshot_id != snapshot_id_of(header.saga_id):
            raise Conflict("this is not the snapshot of the saga in X-Saga-Id")
        store.undo(Branch(header.saga_id, path.project_id))
        return "", 204


def _install_sagas(app: OpenAPI, store: SnapshotStore, maintenance: Maintenance) -> None:
    @app.post("/saga/<saga_id>/confirm", tags=[_SAGAS], security=_TOKEN, responses={200: models.ConfirmAnswer})
    def confirm_saga(path: models.SagaPath) -> Response:
        """The saga committed: its snapshots are final. Idempotent, and without effect for an unknown saga."""
        projects = covered_projects(path.saga_id, store.ledger.projects(path.saga_id))
        for project in projects:
            store.confirm(Branch(path.saga_id, project))
            maintenance.tidy(project)
        maintenance.forget()
        return jsonify(saga_id=path.saga_id, confirmed=projects)

    @app.get("/saga/<saga_id>", tags=[_SAGAS], security=_TOKEN, responses={200: models.SagaAnswer})
    def get_saga(path: models.SagaPath, query: models.ProjectQuery) -> Response:
        """What is known of the saga here."""
        projects = covered_projects(path.saga_id, store.ledger.projects(path.saga_id))
        project = one_project(query.project, projects)
        state, made = store.record(Branch(path.saga_id, project))
        items = [vars(snapshot) | {"state": effect} for snapshot, effect in made]
        return jsonify(saga_id=path.saga_id, project=project, state=state, items=items)


def _wanted(body: models.SnapshotBody, header: models.MaySagaHeader) -> Wanted:
    if header.saga_id not in (None, body.saga_id):
        raise InvalidRequest("X-Saga-Id names another saga than the body", field=names.SAGA_ID)
    check_filenames(body.files)
    return Wanted(body.saga_id, body.message, body.files, body.created_at)


def _row(found: Snapshot, holder: str | None) -> dict[str, object]:
    row = vars(found) | {"created_at": found.date, "pending": holder if holder == found.saga_id else None}
    del row["date"]
    return row


def _page(project: str, found: list[Snapshot], query: models.Page, holder: str | None) -> Response:
    more = len(found) > query.limit
    return jsonify(
        project_id=project,
        snapshots=[_row(snapshot, holder) for snapshot in found[: query.limit]],
        next_offset=query.offset + query.limit if more else None,
    )


def _pending(response: Response, holder: object) -> Response:
    if holder:
        response.headers[names.SAGA_PENDING] = str(holder)
    return response
