"""The wire client of git_server."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from backend.clients.filesystem import saga_headers
from backend.clients.transport import HttpLink
from backend.saga.definition import StepContext


def snapshot_id_of(saga_id: str) -> str:
    """The id of a saga's snapshot: known before the first call, so that a lost answer cannot hide it."""
    return "snap-" + hashlib.sha256(saga_id.encode()).hexdigest()[:16]


class GitClient:
    """Makes, undoes and confirms the snapshot of one saga."""

    def __init__(self, link: HttpLink) -> None:
        self.link = link

    def create(
        self, context: StepContext, project_id: str, message: str, hashes: Mapping[str, str], created_at: int
    ) -> dict[str, Any]:
        """Commit exactly the files named in ``hashes`` (name to sha256), dated ``created_at`` (Unix seconds).

        The date is part of the commit's id, so every attempt must give the same.
        """
        body = {"saga_id": context.saga_id, "message": message, "files": dict(hashes), "created_at": created_at}
        path = f"/snapshot/{quote(project_id, safe='')}"
        answer = self.link.call("POST", path, json=body, headers=saga_headers(context), timeout=context.timeout)
        return {key: answer[key] for key in ("snapshot_id", "commit", "files")}

    def undo(self, context: StepContext, project_id: str) -> None:
        """Point ``main`` back and keep a late snapshot of this saga out (R6, R7)."""
        path = f"/snapshot/{quote(project_id, safe='')}/{snapshot_id_of(context.saga_id)}"
        self.link.call("DELETE", path, headers=saga_headers(context, "undo"), timeout=context.timeout)

    def confirm(self, context: StepContext) -> None:
        """The saga is committed: end its lock (R8)."""
        path = f"/saga/{quote(context.saga_id, safe='')}/confirm"
        self.link.call("POST", path, headers=saga_headers(context, "confirm"), timeout=context.timeout)
