"""What the routes take and give, as flask-openapi3 checks and documents it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StrictStr, WithJsonSchema, model_validator
from pydantic_core import PydanticCustomError

from filesystem_server import names
from service_kit.barrier import Effect, State
from service_kit.parameters import Parameters
from service_kit.problems import InvalidRequest

MAX_BATCH_FILES = 5_000  # as many as a snapshot may have
MAX_PAGE_FILES = 1000


def _checked(check: Callable[[str], str]) -> AfterValidator:
    def validate(value: str) -> str:
        try:
            return check(value)
        except names.BadName as bad:
            raise PydanticCustomError("bad_name", "{reason}", {"reason": str(bad)}) from None

    return AfterValidator(validate)


def _text(description: str, **rules: Any) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", "description": description, **rules})


_SAGA = _text("1 to 200 characters", pattern=names.SAGA_PATTERN)
_KEY = _text("the same request always carries the same key", pattern=names.KEY_PATTERN)
_PROJECT = _text("1 to 128 characters", pattern=names.PROJECT_PATTERN)
_FILENAME = _text(
    "a relative path, folders separated by '/'; the README has all rules", minLength=1, maxLength=names.MAX_NAME_BYTES
)

ProjectId = Annotated[StrictStr, _checked(names.check_project), _PROJECT]
FileName = Annotated[StrictStr, _checked(names.check_filename), _FILENAME]
SagaId = Annotated[StrictStr, _checked(names.check_saga), _SAGA]
RequestKey = Annotated[StrictStr, _checked(names.check_key), _KEY]
# A header or query that is left out is not null on the wire, so the document does not offer null.
OptionalSagaId = Annotated[SagaId | None, _SAGA]
OptionalKey = Annotated[RequestKey | None, _KEY]
OptionalProjectId = Annotated[ProjectId | None, _PROJECT]
OptionalETag = Annotated[str | None, _text("ETags that the caller has")]
Sha256 = Annotated[str, Field(description="lower-case hex")]


class Request(BaseModel):
    """Refuses fields that it does not know, so that a misspelt ``saga_id`` is not a plain write."""

    model_config = ConfigDict(extra="forbid")


class ProjectPath(Parameters):
    project_id: ProjectId


class FilePath(ProjectPath):
    filename: FileName


class SagaPath(Parameters):
    saga_id: SagaId


class WriteHeaders(Parameters):
    saga_id: OptionalSagaId = Field(default=None, alias="X-Saga-Id", description="in whose name this is written")
    key: OptionalKey = Field(default=None, alias="Idempotency-Key")


class UndoHeaders(Parameters):
    saga_id: SagaId = Field(alias="X-Saga-Id", description="the saga whose writes are undone")


class ReadHeaders(Parameters):
    if_none_match: OptionalETag = Field(default=None, alias="If-None-Match")


class PageQuery(Parameters):
    limit: int = Field(default=MAX_PAGE_FILES, ge=1, le=MAX_PAGE_FILES)
    after: str = Field(default="", max_length=names.MAX_NAME_BYTES, description="`next` of the page before")


class ProjectQuery(Parameters):
    project: OptionalProjectId = Field(default=None, description="needed when the saga is known in several projects")


class NewFile(Request):
    filename: FileName
    content: StrictStr


class SaveRequest(NewFile):
    project_id: ProjectId
    saga_id: SagaId | None = None


class BatchRequest(Request):
    saga_id: SagaId | None = None
    files: list[NewFile] = Field(min_length=1, max_length=MAX_BATCH_FILES)

    @model_validator(mode="after")
    def _side_by_side(self) -> BatchRequest:
        if found := names.clash([file.filename for file in self.files]):
            first, second = found
            raise InvalidRequest(
                f"files.{first}.filename is the same, looks alike, or is a file where this needs a folder",
                field=f"files.{second}.filename",
            )
        return self


class SavedFile(BaseModel):
    filename: str
    sha256: Sha256
    size: int = Field(description="bytes")
    replaced: Sha256 | None = Field(description="sha256 of the former content, null when the file is new")


class SaveAnswer(SavedFile):
    project_id: str


class BatchAnswer(BaseModel):
    project_id: str
    saga_id: str | None
    files: list[SavedFile]


class ListedFile(BaseModel):
    filename: str
    size: int = Field(description="bytes")
    sha256: Sha256
    pending: str | None = Field(description="the open saga that holds the file, null when none does")


class PageAnswer(BaseModel):
    project_id: str
    files: list[ListedFile]
    next: str | None = Field(description="pass as `after` to get the following page, null on the last")


class SagaItem(SavedFile):
    state: Effect


class SagaAnswer(BaseModel):
    saga_id: str
    project: str
    state: State
    items: list[SagaItem]


class ConfirmAnswer(BaseModel):
    saga_id: str
    confirmed: list[str] = Field(description="the projects in which the saga is confirmed here")
