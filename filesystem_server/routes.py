"""HTTP of filesystem_server: parse, call the store, map, return."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from flask import Response, request
from flask_openapi3.models.tag import Tag
from flask_openapi3.openapi import OpenAPI

from filesystem_server import schemas
from filesystem_server.records import Writer, sha256
from filesystem_server.store import Store
from service_kit import names
from service_kit.app import require_project
from service_kit.barrier import Branch
from service_kit.problems import InvalidRequest
from service_kit.saga_projects import covered_projects, one_project

FILES = Tag(name="files")
SAGAS = Tag(name="sagas")
_BYTES = {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}
_FILE_HEADERS = {
    "ETag": {"description": "sha256 of the content", "schema": {"type": "string"}},
    names.SAGA_PENDING: {"description": "the open saga that holds the file", "schema": {"type": "string"}},
}
_FILE = {"description": "the file's bytes", "content": _BYTES, "headers": _FILE_HEADERS}


def install_routes(app: OpenAPI, store: Store) -> None:
    """Add every route of the wire contract to ``app``."""
    _install_files(app, store)
    _install_listing_and_batch(app, store)
    _install_sagas(app, store)


def _install_files(app: OpenAPI, store: Store) -> None:
    @app.post("/save_file", tags=[FILES], summary="Save one file", responses={201: schemas.SaveAnswer})
    def save_file(header: schemas.WriteHeaders, body: schemas.SaveRequest) -> tuple[dict[str, Any], int]:
        return _save_one(store, header, body)

    @app.post("/file", tags=[FILES], summary="The same as /save_file", responses={201: schemas.SaveAnswer})
    def file(header: schemas.WriteHeaders, body: schemas.SaveRequest) -> tuple[dict[str, Any], int]:
        return _save_one(store, header, body)

    @app.get("/file/<project_id>/<path:filename>", tags=[FILES], summary="Read one file", responses={200: _FILE})
    def read_file(path: schemas.FilePath, header: schemas.ReadHeaders) -> Response:
        require_project(path.project_id)
        content, holder = store.read(path.project_id, path.filename)
        return _file_response(content, holder)

    @app.delete(
        "/file/<project_id>/<path:filename>",
        tags=[FILES],
        summary="With X-Saga-Id undo that saga's write, without it delete the file",
        responses={204: None},
    )
    def delete_file(path: schemas.FilePath, header: schemas.WriteHeaders) -> tuple[str, int]:
        require_project(path.project_id)
        if header.saga_id is None:
            store.delete(path.project_id, path.filename, Writer(key=header.key))
        else:
            store.undo(Branch(header.saga_id, path.project_id), path.filename)
        return "", 204


def _install_listing_and_batch(app: OpenAPI, store: Store) -> None:
    @app.get("/files/<project_id>", tags=[FILES], summary="List the files", responses={200: schemas.PageAnswer})
    def list_files(path: schemas.ProjectPath, query: schemas.PageQuery) -> dict[str, Any]:
        require_project(path.project_id)
        page = store.page(path.project_id, query.after, query.limit)
        return {"project_id": path.project_id, "files": [vars(row) for row in page.files], "next": page.next}

    @app.post(
        "/files/<project_id>", tags=[FILES], summary="Save all files or none", responses={201: schemas.BatchAnswer}
    )
    def save_files(
        path: schemas.ProjectPath, header: schemas.WriteHeaders, body: schemas.BatchRequest
    ) -> tuple[dict[str, Any], int]:
        require_project(path.project_id)
        writer = _writer(header, body.saga_id)
        saved = store.save(path.project_id, {file.filename: file.content.encode() for file in body.files}, writer)
        answer = {"project_id": path.project_id, "saga_id": writer.saga_id, "files": [vars(one) for one in saved]}
        return answer, 201

    @app.delete(
        "/files/<project_id>", tags=[SAGAS], summary="Undo all that the saga wrote there", responses={204: None}
    )
    def undo_files(path: schemas.ProjectPath, header: schemas.UndoHeaders) -> tuple[str, int]:
        require_project(path.project_id)
        store.undo_all(Branch(header.saga_id, path.project_id))
        return "", 204


def _install_sagas(app: OpenAPI, store: Store) -> None:
    @app.post(
        "/saga/<saga_id>/confirm",
        tags=[SAGAS],
        summary="The saga committed: release its locks",
        responses={200: schemas.ConfirmAnswer},
    )
    def confirm(path: schemas.SagaPath) -> dict[str, Any]:
        projects = covered_projects(path.saga_id, store.projects_of(path.saga_id))
        for project in projects:
            store.confirm(Branch(path.saga_id, project))
        return {"saga_id": path.saga_id, "confirmed": projects}

    @app.get("/saga/<saga_id>", tags=[SAGAS], summary="What is known of a saga", responses={200: schemas.SagaAnswer})
    def report(path: schemas.SagaPath, query: schemas.ProjectQuery) -> dict[str, Any]:
        projects = covered_projects(path.saga_id, store.projects_of(path.saga_id))
        return asdict(store.report(Branch(path.saga_id, one_project(query.project, projects))))


def _save_one(store: Store, header: schemas.WriteHeaders, body: schemas.SaveRequest) -> tuple[dict[str, Any], int]:
    require_project(body.project_id)
    writer = _writer(header, body.saga_id)
    (saved,) = store.save(body.project_id, {body.filename: body.content.encode()}, writer)
    return {"project_id": body.project_id, **vars(saved)}, 201


def _writer(header: schemas.WriteHeaders, in_body: str | None) -> Writer:
    """In whose name the request writes; body and header may both say it, alike."""
    if in_body is not None and header.saga_id not in (None, in_body):
        raise InvalidRequest(f"saga_id in the body and {names.SAGA_ID} differ", field="saga_id")
    return Writer(in_body or header.saga_id, header.key)


def _file_response(content: bytes, holder: str | None) -> Response:
    response = Response(content, content_type="application/octet-stream")
    response.set_etag(sha256(content))
    if holder is not None:
        response.headers[names.SAGA_PENDING] = holder
    response.make_conditional(request)
    return response
