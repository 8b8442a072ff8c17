"""Reading JSON bodies the way Go's encoding/json does, because Toxiproxy's clients rely on it.

Only the first JSON value counts, field names match in any letter case, unknown fields are ignored and null
leaves the default (contract points 14 to 16).
"""

import json
import re
from collections.abc import Mapping
from typing import Any, NoReturn

from .errors import BadRequest

_SURROGATE = re.compile("[\ud800-\udfff]")
_SPACE = " \t\r\n"
INT64_MAX = 2**63 - 1


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


_DECODER = json.JSONDecoder(parse_constant=_no_constant)


def decode(body: bytes) -> Any:
    """The first JSON value of `body`. Raises BadRequest; what follows the value is ignored."""
    text = body.decode("utf-8", "replace").lstrip(_SPACE)
    if not text:
        raise BadRequest.body("EOF")
    try:
        value, _ = _DECODER.raw_decode(text)
    except json.JSONDecodeError as error:
        at_end = error.pos >= len(text.rstrip(_SPACE)) or error.msg.startswith("Unterminated")
        raise BadRequest.body("unexpected EOF" if at_end else f"{error.msg} at {error.pos}") from None
    except (ValueError, RecursionError) as error:
        raise BadRequest.body(str(error) or "nested too deeply") from None
    return value


def fields(value: Any, where: str = "body") -> dict[str, Any]:
    """An object's members by lower-case name, without those that are null."""
    if not isinstance(value, Mapping):
        raise BadRequest.body(f"{where} must be a JSON object, not {kind(value)}")
    return {str(name).lower(): item for name, item in value.items() if item is not None}


def kind(value: Any) -> str:
    """The JSON name of a value's type, for messages."""
    if isinstance(value, bool):
        return "a boolean"
    if isinstance(value, (int, float)):
        return f"the number {value}"
    if isinstance(value, str):
        return "a string"
    return "an array" if isinstance(value, list) else "an object" if isinstance(value, dict) else "null"


def text(members: Mapping[str, Any], name: str, default: str = "") -> str:
    value = members.get(name, default)
    if not isinstance(value, str):
        raise BadRequest.body(f"{name} must be a string, not {kind(value)}")
    return _SURROGATE.sub("\ufffd", value)


def flag(members: Mapping[str, Any], name: str, default: bool) -> bool:
    value = members.get(name, default)
    if not isinstance(value, bool):
        raise BadRequest.body(f"{name} must be true or false, not {kind(value)}")
    return value


def integer(members: Mapping[str, Any], name: str, default: int, least: int | None = None) -> int:
    value = members.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int):
        raise BadRequest.body(f"{name} must be an integer, not {kind(value)}")
    if abs(value) > INT64_MAX:
        raise BadRequest.body(f"{name} does not fit into 64 bits")
    if least is not None and value < least:
        raise BadRequest.body(f"{name} must be at least {least}, not {value}")
    return value


def share(members: Mapping[str, Any], name: str, default: float) -> float:
    """A probability in [0, 1]."""
    value = members.get(name, default)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise BadRequest.body(f"{name} must be a number, not {kind(value)}")
    if not 0 <= value <= 1:
        raise BadRequest.body(f"{name} must be between 0 and 1, not {value}")
    return float(value)
