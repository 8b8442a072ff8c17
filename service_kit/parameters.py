"""What flask-openapi3 checks at every request besides the body: path, query and headers."""

from __future__ import annotations

from functools import cache
from typing import Any

from pydantic import BaseModel


class Parameters(BaseModel):
    """Path, query or headers. flask-openapi3 asks such a model for its schema at every request; it is made once."""

    @classmethod
    def model_json_schema(cls, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """The JSON Schema; the one without arguments is shared, so callers must not change it."""
        return super().model_json_schema(*args, **kwargs) if args or kwargs else _schema(cls)


@cache
def _schema(kind: type[BaseModel]) -> dict[str, Any]:
    return kind.model_json_schema(by_alias=True)
