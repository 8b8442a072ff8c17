"""The wire client of filesystem_server."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from backend.clients.transport import HttpLink
from backend.saga.definition import StepContext
from service_kit import names


class FilesystemClient:
    """Saves, undoes and confirms all files of one saga, each in one call (R5, R13)."""

    def __init__(self, link: HttpLink) -> None:
        self.link = link

    def save_all(self, context: StepContext, project_id: str, files: Mapping[str, str]) -> dict[str, Any]:
        """Save ``files`` (name to content) in one durable step; returns what each replaced."""
        entries = [{"filename": name, "content": content} for name, content in files.items()]
        body = {"saga_id": context.saga_id, "files": entries}
        answer = self.link.call("POST", _files(project_id), json=body, **_saga(context))
        return {"files": [{key: row[key] for key in ("filename", "sha256", "replaced")} for row in answer["files"]]}

    def undo_all(self, context: StepContext, project_id: str) -> None:
        """Undo whatever the saga wrote in the project, and keep late writes of it out (R6, R7)."""
        self.link.call("DELETE", _files(project_id), **_saga(context, "undo"))

    def confirm(self, context: StepContext) -> None:
        """The saga is committed: end its locks (R8)."""
        self.link.call("POST", f"/saga/{quote(context.saga_id, safe='')}/confirm", **_saga(context, "confirm"))


def _files(project_id: str) -> str:
    return f"/files/{quote(project_id, safe='')}"


def _saga(context: StepContext, verb: str = "") -> dict[str, Any]:
    return {"headers": saga_headers(context, verb), "timeout": context.timeout}


def saga_headers(context: StepContext, verb: str = "") -> dict[str, str]:
    """The headers of a saga's call; an action, its undo and its confirm are different calls with own keys (R3)."""
    key = context.idempotency_key + (f":{verb}" if verb else "")
    return {names.SAGA_ID: context.saga_id, names.IDEMPOTENCY_KEY: quote(key, safe=":/")}
