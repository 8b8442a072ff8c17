"""The request as our services take it: JSON objects only, of bounded size and depth, in clean Unicode."""

from __future__ import annotations

import json
import math
import re
from typing import Any, NoReturn

from flask import Request
from werkzeug.exceptions import ClientDisconnected, RequestEntityTooLarge

from service_kit.problems import InvalidRequest, SlowBody, UnsupportedMedia

MAX_DEPTH = 32
MAX_VALUES = 2_000_000  # of a body; 32 MiB of "{}," would become 700 MB of dictionaries
_STRING = re.compile(rb'"(?:[^"\\]|\\.)*+"', re.DOTALL)
BODY_IDLE_SECONDS = 5.0  # a client that stops sending holds a worker thread no longer than this


class JsonRequest(Request):
    """A Flask request whose ``get_json`` raises a problem that says what is wrong instead of answering None."""

    _parsed: dict[str, Any] | None = None

    def get_json(self, force: bool = False, silent: bool = False, cache: bool = True) -> Any:
        """The body as a JSON object.

        Raises:
            UnsupportedMedia: the content type is not JSON.
            InvalidRequest: not JSON, not an object, too deep, or with lone surrogates.
            SlowBody: the client stopped sending.
        """
        if self._parsed is None:
            if not self.is_json:
                raise UnsupportedMedia("the body must be sent with Content-Type: application/json")
            self._parsed = parse_object(self.get_data())
        return self._parsed

    def get_data(self, *args: Any, **options: Any) -> Any:
        """The body, as Flask gives it.

        Raises:
            RequestEntityTooLarge: also when it came in chunks and so without a length; Werkzeug would cut it off.
            SlowBody: the client stopped sending.
        """
        client = self.environ.get("gunicorn.socket")
        if client is None:
            return self._whole(super().get_data(*args, **options))
        client.settimeout(BODY_IDLE_SECONDS)
        try:
            return self._whole(super().get_data(*args, **options))
        except ClientDisconnected as error:  # what Werkzeug makes of every error of the socket
            if isinstance(error.__context__, TimeoutError):
                raise SlowBody(f"nothing of the body came for {BODY_IDLE_SECONDS:g} seconds") from None
            raise
        finally:
            client.settimeout(None)

    def _whole(self, body: Any) -> Any:
        if self.content_length is None and len(body) >= (self.max_content_length or math.inf):
            raise RequestEntityTooLarge
        return body


def parse_object(raw: bytes) -> dict[str, Any]:
    """Parse ``raw`` as one JSON object within the limits, or raise InvalidRequest."""
    if _values(raw) > MAX_VALUES:
        raise InvalidRequest(f"the body holds more than {MAX_VALUES} values", field="body")
    try:
        # Bytes would be taken in other encodings, too, and with raw halves of surrogate pairs.
        value = json.loads(raw.decode(), parse_constant=_refuse_constant, object_pairs_hook=_unambiguous)
    except (ValueError, RecursionError) as error:
        raise InvalidRequest(f"the body is not valid JSON: {_reason(error)}", field="body") from None
    if not isinstance(value, dict):
        raise InvalidRequest("the body must be a JSON object", field="body")
    if _deeper_than(value, MAX_DEPTH):
        raise InvalidRequest(f"the body is nested deeper than {MAX_DEPTH} levels", field="body")
    # JSON can escape half a surrogate pair, which no file name, file or database can hold as UTF-8.
    if b"\\ud" in raw.lower():
        _refuse_surrogates(value)
    return value


def _values(raw: bytes) -> int:
    """At most how many values ``raw`` holds, told without making them."""
    marks = sum(map(raw.count, (b",", b"[", b"{")))
    return marks if marks <= MAX_VALUES else sum(map(_STRING.sub(b"", raw).count, (b",", b"[", b"{")))


def _unambiguous(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """The object, if no name comes twice: who reads the first would act on another request than who reads the last."""
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("an object has the same name twice")
    return found


def _reason(error: Exception) -> str:
    return "nested too deep" if isinstance(error, RecursionError) else str(error)


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _deeper_than(value: Any, limit: int) -> bool:
    level: list[Any] = [value]
    for _ in range(limit):
        level = [child for item in level for child in _children(item)]
        if not level:
            return False
    return True


def _children(item: Any) -> list[Any]:
    if isinstance(item, dict):
        return [child for child in item.values() if isinstance(child, dict | list)]
    if isinstance(item, list):
        return [child for child in item if isinstance(child, dict | list)]
    return []


def _refuse_surrogates(value: Any) -> None:
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise InvalidRequest("the body holds half a surrogate pair, which is not a character", field="body") from None
