"""Documents in, generations started."""

from __future__ import annotations

import re
from typing import Any

import requests
from flask import request
from flask_openapi3.blueprint import APIBlueprint

from backend.clients.chroma import StoredDocument
from backend.composition import Clients
from backend.generations import Generations
from backend.saga.errors import CallError, ProjectBusy, TooManyWaiting
from backend.saga.limits import REQUEST_KEY
from backend.schemas import PLAIN, DocumentsIn, ProjectPath, WikiQuery
from service_kit import names, problems
from service_kit.app import require_project


class ProjectIsBusy(problems.Conflict):
    """`on_busy=reject` and an open saga holds the project (R11)."""

    type, title = "project-busy", "A saga of this project is still open"


def projects_blueprint(generations: Generations, clients: Clients) -> APIBlueprint:
    """/api/projects/..."""
    routes = APIBlueprint("projects", __name__, url_prefix="/api/projects")

    @routes.post("/<string:project_id>/documents")
    def add_documents(path: ProjectPath, body: DocumentsIn) -> tuple[dict[str, Any], int]:
        """Add documents to the project, or replace those of the same doc_id."""
        who = require_project(path.project_id)
        stored = [
            StoredDocument(d.doc_id, d.text, {"title": d.title, "format": d.format, "source": d.source})
            for d in body.documents
        ]
        try:
            added = clients.documents(who.user, path.project_id).add(path.project_id, stored)
        except (requests.RequestException, CallError) as error:
            raise problems.Unavailable("the document store did not take them; sending them again is safe") from error
        return {"added": added}, 201

    @routes.post("/<string:project_id>/wiki")
    def start_generation(path: ProjectPath, query: WikiQuery) -> tuple[dict[str, Any], int, dict[str, str]]:
        """Start generating the project's wiki."""
        who = require_project(path.project_id)
        try:
            record = generations.start(
                path.project_id,
                who.user,
                request_key=_request_key(),
                reject_when_busy=query.on_busy == "reject",
            )
        except ProjectBusy as busy:
            raise ProjectIsBusy(str(busy), extra={"holder": busy.holder}) from None
        except TooManyWaiting as full:
            raise problems.TooManyRequests(str(full), retry_after=generations.retry_after()) from None
        if query.wait:
            record = generations.wait(record.saga_id, query.wait)
        url = f"/api/sagas/{record.saga_id}"
        return generations.status(record) | {"status_url": url}, 202, {"Location": url}

    return routes


def _request_key() -> str | None:
    key = request.headers.get(names.IDEMPOTENCY_KEY)
    if key is not None and not (0 < len(key) <= REQUEST_KEY and re.fullmatch(PLAIN, key)):
        raise problems.InvalidRequest(
            f"1 to {REQUEST_KEY} characters, none of them a control character", field=names.IDEMPOTENCY_KEY
        )
    return key
