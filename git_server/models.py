"""What goes over the wire: paths, headers, bodies and answers, with their limits; the OpenAPI page says the same."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from service_kit.barrier import Effect, State
from service_kit.parameters import Parameters

SAGA_ID = r"^[A-Za-z0-9_][A-Za-z0-9._:@~+-]{0,199}$"
PROJECT_ID = r"^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$"
SNAPSHOT_ID = r"^(snap-[0-9a-f]{16}|[0-9a-f]{40})$"
_PRINTABLE = r"^[^\x00-\x08\x0b-\x1f\x7f-\x9f]*$"
MAX_FILES = 5_000
LAST_DATE = 253_402_300_799  # 9999-12-31T23:59:59Z

SagaId = Annotated[str, Field(pattern=SAGA_ID, description="the saga that acts")]
ProjectId = Annotated[str, Field(pattern=PROJECT_ID, description="the project, and the name of its repository")]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
FileName = Annotated[str, Field(min_length=1, max_length=1024)]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class ProjectPath(Parameters):
    project_id: ProjectId


class SnapshotPath(Parameters):
    project_id: ProjectId
    snapshot_id: str = Field(pattern=SNAPSHOT_ID, description='"snap-" + the first 16 hex digits of sha256(saga_id)')


class SagaPath(Parameters):
    saga_id: SagaId


class ProjectQuery(Parameters):
    project: ProjectId | None = Field(
        default=None, description="needed only when the saga is known in several projects"
    )


class SagaHeader(Parameters):
    saga_id: SagaId = Field(alias="X-Saga-Id")


class MaySagaHeader(Parameters):
    saga_id: SagaId | None = Field(default=None, alias="X-Saga-Id", description="if sent, the body's saga_id")


class Page(Parameters):
    offset: int = Field(default=0, ge=0, le=1_000_000_000, description="how many of the newest to leave out")
    limit: int = Field(default=100, ge=1, le=1000)


class SnapshotBody(_Body):
    """What a saga wants to have committed."""

    saga_id: SagaId
    message: str = Field(min_length=1, max_length=4096, pattern=_PRINTABLE, description="the commit message")
    files: dict[FileName, Sha256] = Field(
        min_length=1, max_length=MAX_FILES, description="file name to sha256; the tree has exactly these files"
    )
    created_at: int | None = Field(
        default=None,
        ge=0,
        le=LAST_DATE,
        description="Unix seconds for the commit's dates, the same in every repeat; default: the parent's plus one",
    )


class SnapshotMade(BaseModel):
    """The commit that now is ``main``."""

    snapshot_id: str
    commit: str = Field(description="id of the git commit")
    files: int = Field(description="how many files it has")


class SnapshotRow(BaseModel):
    """One snapshot in a list."""

    snapshot_id: str
    commit: str
    parent: str | None
    saga_id: str | None = Field(description="null for a commit that was not made by this service")
    message: str
    created_at: int = Field(description="Unix seconds")
    pending: str | None = Field(description="the open saga that may still take this snapshot back")


class SnapshotList(BaseModel):
    """Snapshots, newest first."""

    project_id: str
    snapshots: list[SnapshotRow]
    next_offset: int | None = Field(description="null on the last page")


class TreeRow(BaseModel):
    """One file of a snapshot."""

    filename: str
    size: int = Field(description="bytes")
    sha256: str


class SnapshotDetail(SnapshotRow):
    """One snapshot with its tree."""

    files: list[TreeRow]


class SagaItem(SnapshotMade):
    """The snapshot that a saga made."""

    state: Effect


class SagaAnswer(BaseModel):
    """What git_server knows of a saga in one project."""

    saga_id: str
    project: str
    state: State
    items: list[SagaItem] = Field(description="empty when only a compensation came")


class ConfirmAnswer(BaseModel):
    """The end of a saga."""

    saga_id: str
    confirmed: list[str] = Field(description="the projects in which the saga is confirmed here")
