"""The request bodies of Chroma's HTTP API, and what is wrong with one in the words of its server."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

Include = Literal["distances", "documents", "embeddings", "metadatas", "uris"]
Unsigned = Annotated[int, Field(ge=0, le=2**32 - 1)]
Integer = Annotated[int, Field(ge=-(2**63), le=2**63 - 1)]
Scalar = bool | Integer | float | str
CollectionMetadata = dict[str, Scalar]
RecordMetadata = dict[str, Scalar | list[Scalar] | None]
Embedding = list[float] | str  # a list of numbers, or base64 of little-endian float32


class Body(BaseModel):
    """Unknown fields are passed over, as Chroma does."""

    model_config = ConfigDict(strict=True, extra="ignore")


class CreateTenant(Body):
    """A new tenant."""

    name: str


class CreateDatabase(Body):
    """A new database."""

    name: str


class CreateCollection(Body):
    """A new collection."""

    name: str
    metadata: CollectionMetadata | None = None
    configuration: dict[str, Any] | None = None
    get_or_create: bool = False


class UpdateCollection(Body):
    """What to change of a collection."""

    new_name: str | None = None
    new_metadata: CollectionMetadata | None = None
    new_configuration: dict[str, Any] | None = None


class _Columns(Body):
    """Parallel lists, one element a record."""

    ids: list[str]
    metadatas: list[RecordMetadata | None] | None = None
    documents: list[str | None] | None = None
    uris: list[str | None] | None = None


class AddRecords(_Columns):
    """Records to add or to upsert."""

    embeddings: list[Embedding]


class UpdateRecords(_Columns):
    """Records to update."""

    embeddings: list[Embedding | None] | None = None


class _Filters(Body):
    ids: list[str] | None = None
    where: Any = None
    where_document: Any = None


class GetRecords(_Filters):
    """Which records to answer."""

    include: list[Include] = ["documents", "metadatas"]
    limit: Unsigned | None = None
    offset: Unsigned | None = None


class QueryRecords(_Filters):
    """Which records to look for, near which embeddings."""

    query_embeddings: list[list[float]]
    n_results: Unsigned | None = 10
    include: list[Include] = ["documents", "metadatas", "distances"]


class DeleteRecords(_Filters):
    """Which records to delete."""

    limit: Unsigned | None = None


class Page(BaseModel):
    """Paging in the query string."""

    limit: Unsigned | None = None
    offset: Unsigned = 0


def reason(error: ValidationError) -> str:
    """The first thing that is wrong, as ``path: reason``."""
    row = error.errors()[0]
    path = _path(row["loc"])
    if row["type"] == "missing":
        parent = _path(row["loc"][:-1])
        return (f"{parent}: " if parent else "") + f"missing field `{row['loc'][-1]}`"
    return f"{path}: {row['msg']}, got {_described(row['input'])}"


def _path(loc: tuple[int | str, ...]) -> str:
    """``ids[0]``; the branches of a union that pydantic writes into the path are left out."""
    found = ""
    for part in loc:
        if isinstance(part, int):
            found += f"[{part}]"
        elif not any(mark in part for mark in "[(-") and part not in ("str", "bool", "int", "float"):
            found += f".{part}" if found else part
    return found


def _described(value: object) -> str:
    """The kind of a value, never the value: it may be a document."""
    kinds = {bool: "boolean", int: "integer", float: "float", str: "string", list: "sequence", dict: "map"}
    return "null" if value is None else kinds.get(type(value), type(value).__name__)
