"""The backend's requests, as pydantic models: limits and field names in one place."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from backend.distributed_saga import PROJECT_ID
from backend.saga.limits import REASON, REASON_AT_LEAST, SAGA_ID
from backend.saga.state import SagaState

MAX_DOCUMENTS = 1000
MAX_TEXT = 1024 * 1024  # characters of one document
PLAIN = r"^[^\x00-\x1f\x7f]*$"  # no control characters: PostgreSQL keeps no NUL, and nobody means one
_Project = Annotated[str, Field(pattern=f"^{PROJECT_ID.pattern}$", max_length=100)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", str_max_length=MAX_TEXT)


class ProjectPath(BaseModel):
    project_id: _Project


class SagaPath(BaseModel):
    saga_id: str = Field(max_length=SAGA_ID, pattern=PLAIN)


class DocumentIn(_Strict):
    doc_id: str = Field(min_length=1, max_length=500)
    title: str = Field(min_length=1, max_length=500)
    text: str
    format: Literal["markdown", "rst", "text"] = "text"
    source: str = Field(default="", max_length=1000)


class DocumentsIn(_Strict):
    documents: list[DocumentIn] = Field(min_length=1, max_length=MAX_DOCUMENTS)


class WikiQuery(BaseModel):
    wait: float = Field(default=0.0, ge=0, le=60, description="seconds to wait for the outcome")
    on_busy: Literal["wait", "reject"] = "wait"


class SagasQuery(BaseModel):
    state: SagaState | None = None
    project: _Project | None = None
    since: float | None = Field(default=None, ge=0, description="created at or after this time, in Unix seconds")
    limit: int = Field(default=50, ge=1, le=500)
    before: str | None = Field(default=None, max_length=400, pattern=PLAIN, description="`next` of the page before")


class EventsQuery(BaseModel):
    after: int = Field(default=0, ge=0, lt=2**63, description="`seq` of the last event that is known already")


class StatsQuery(BaseModel):
    window: float = Field(default=3600.0, gt=0, le=31 * 86400, description="seconds back from now")


class OperatorIn(_Strict):
    reason: Annotated[str, StringConstraints(strip_whitespace=True, min_length=REASON_AT_LEAST, max_length=REASON)]
    by: str | None = Field(default=None, max_length=100, description="who asks; by default the token's user")
    dry_run: bool = False
