"""The request bodies of Chroma's HTTP API, and what is wrong with one in the words of its server."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError

Include = Literal["distances", "documents", "embeddings", "metadatas", "uris"]
Unsigned = Annotated[int, Field(ge=0, le=2**32 - 1)]
Integer = Annotated[int, Field(ge=-(2**63), le=2**63 - 1)]
Scalar = bool | Integer | float | str
CollectionMetadata = dict[str, Scalar]
MetadataValue = Scalar | list[bool] | list[Integer] | list[float] | list[str]
Embeddings = list[list[float]] | list[str]  # lists of numbers, or base64 of little-endian float32


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
    documents: list[str | None] | None = None
    uris: list[str | None] | None = None


class AddRecords(_Columns):
    """Records to add."""

    embeddings: Embeddings
    metadatas: list[dict[str, MetadataValue] | None] | None = None


class UpsertRecords(_Columns):
    """Records to add or to merge into those that are there."""

    embeddings: Embeddings
    metadatas: list[dict[str, MetadataValue | None] | None] | None = None


class UpdateRecords(_Columns):
    """Records to merge into those that are there."""

    embeddings: list[list[float] | None] | list[str | None] | None = None
    metadatas: list[dict[str, MetadataValue | None] | None] | None = None


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


class Fork(Body):
    """The name of a copy."""

    new_name: str


class Page(BaseModel):
    """Paging in the query string."""

    limit: Unsigned | None = None
    offset: Unsigned = 0


_ENUMS = {
    "embeddings": "EmbeddingsPayload",
    "metadata": "MetadataValue",
    "metadatas": "MetadataValue",
    "new_metadata": "UpdateMetadataValue",
}
_EXPECTED = {
    "string_type": "a string",
    "list_type": "a sequence",
    "dict_type": "a map",
    "int_type": "u32",
    "bool_type": "a boolean",
    "float_type": "f32",
}
_OUT_OF_RANGE = frozenset({"greater_than_equal", "less_than_equal"})


def reason(error: ValidationError) -> str:
    """The first thing that is wrong, as ``path: reason``, in the words of Chroma's parser."""
    row = error.errors()[0]
    loc = row["loc"]
    if row["type"] == "missing":
        parent = _path(loc[:-1])
        return (f"{parent}: " if parent else "") + f"missing field `{loc[-1]}`"
    branch = next((index for index, part in enumerate(loc) if _is_branch(part)), None)
    if branch is not None and loc[0] in _ENUMS:
        return f"{_path(loc[:branch])}: data did not match any variant of untagged enum {_ENUMS[str(loc[0])]}"
    return f"{_path(loc)}: {_what(row['type'], row['input'], row.get('ctx', {}))}"


def _what(kind: str, value: object, context: Mapping[str, Any]) -> str:
    if kind == "literal_error":
        names = ", ".join(f"`{name}`" for name in get_args(Include))
        return f"unknown variant `{str(value)[:40]}`, expected one of {names}"
    if kind in _OUT_OF_RANGE:
        return f"invalid value: {_described(value)}, expected u32"
    return f"invalid type: {_described(value)}, expected {_EXPECTED.get(kind, context.get('expected', kind))}"


def _is_branch(part: int | str) -> bool:
    """Whether pydantic wrote ``part`` into the path to name the branch of a union."""
    return isinstance(part, str) and (
        part in ("bool", "int", "float", "str") or part.startswith(("list[", "constrained-"))
    )


def _path(loc: tuple[int | str, ...]) -> str:
    found = ""
    for part in loc:
        found += f"[{part}]" if isinstance(part, int) else f".{part}" if found else part
    return found


def _described(value: object) -> str:
    """The kind of a value; never a text, which may be a document."""
    match value:
        case None:
            return "null"
        case bool():
            return f"boolean `{str(value).lower()}`"
        case int():
            return f"integer `{value}`"
        case float():
            return f"floating point `{value}`"
        case str():
            return "string"
        case list():
            return "sequence"
        case _:
            return "map"
