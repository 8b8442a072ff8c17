"""``where`` and ``where_document`` as predicates over records.

``$ne``, ``$nin`` and the negated document operators match records that lack the key or the document; the others do not.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from chroma_stub.errors import InvalidArgument

Metadata = Mapping[str, Any]
MetadataPredicate = Callable[[Metadata], bool]
DocumentPredicate = Callable[[str | None], bool]
MAX_DEPTH = 16
MAX_PATTERN = 1000
_MISSING = object()
_ORDERINGS: Mapping[str, Callable[[Any, Any], bool]] = {
    "$gt": lambda found, wanted: found > wanted,
    "$gte": lambda found, wanted: found >= wanted,
    "$lt": lambda found, wanted: found < wanted,
    "$lte": lambda found, wanted: found <= wanted,
}


class _Invalid(Exception):
    """The clause is not one of Chroma's."""


def metadata_predicate(where: object) -> MetadataPredicate | None:
    """The predicate of a ``where`` clause; None when there is none.

    Raises:
        InvalidArgument: ``Invalid where clause``.
    """
    if where is None:
        return None
    try:
        return _where(where, MAX_DEPTH)
    except _Invalid:
        raise InvalidArgument("Invalid where clause") from None


def document_predicate(where_document: object) -> DocumentPredicate | None:
    """The predicate of a ``where_document`` clause; None when there is none.

    Raises:
        InvalidArgument: ``Invalid where document clause``.
    """
    if where_document is None:
        return None
    try:
        return _where_document(where_document, MAX_DEPTH)
    except _Invalid:
        raise InvalidArgument("Invalid where document clause") from None


def _where(clause: object, depth: int) -> MetadataPredicate:
    key, value = _only_pair(clause, depth)
    if key in ("$and", "$or"):
        parts = [_where(part, depth - 1) for part in _list(value)]
        combine = all if key == "$and" else any
        return lambda metadata: combine(part(metadata) for part in parts)
    if key.startswith("$"):
        raise _Invalid
    if key == "#document":
        raise InvalidArgument(
            "Cannot filter using metadata key '#document' with type 'Str' because indexing is disabled"
        )
    operator, wanted = _only_pair(value, depth) if isinstance(value, Mapping) else ("$eq", value)
    test = _comparison(operator, wanted)
    return lambda metadata: test(metadata.get(key, _MISSING))


def _comparison(operator: str, wanted: object) -> Callable[[object], bool]:
    if operator in ("$in", "$nin"):
        options = _list(wanted)
        if not options or len({(_type(option), type(option)) for option in options}) > 1:
            raise _Invalid
        inside = operator == "$in"
        return lambda found: any(_same(found, option) for option in options) == inside
    kind = _type(wanted)
    if operator in ("$eq", "$ne"):
        equal = operator == "$eq"
        return lambda found: _same(found, wanted) == equal
    if operator in ("$contains", "$not_contains"):
        inside = operator == "$contains"
        return lambda found: (isinstance(found, list) and any(_same(item, wanted) for item in found)) == inside
    if operator in _ORDERINGS and kind == "number":
        compare = _ORDERINGS[operator]
        return lambda found: _is_number(found) and compare(found, wanted)
    raise _Invalid


def _where_document(clause: object, depth: int) -> DocumentPredicate:
    operator, value = _only_pair(clause, depth)
    if operator in ("$and", "$or"):
        parts = [_where_document(part, depth - 1) for part in _list(value)]
        combine = all if operator == "$and" else any
        return lambda document: combine(part(document) for part in parts)
    if not isinstance(value, str):
        raise _Invalid
    if operator in ("$contains", "$not_contains"):
        inside = operator == "$contains"
        return lambda document: (document is not None and value in document) == inside
    if operator in ("$regex", "$not_regex"):
        pattern, matching = _pattern(value), operator == "$regex"
        return lambda document: (document is not None and pattern.search(document) is not None) == matching
    raise _Invalid


def _pattern(text: str) -> re.Pattern[str]:
    if len(text) > MAX_PATTERN:
        raise _Invalid
    try:
        return re.compile(text)
    except (re.error, OverflowError, RecursionError) as error:
        raise InvalidArgument(f"Regex syntax errror: {error}") from None  # Chroma's spelling


def _only_pair(clause: object, depth: int) -> tuple[str, Any]:
    if depth == 0 or not isinstance(clause, Mapping) or len(clause) != 1:
        raise _Invalid
    key, value = next(iter(clause.items()))
    return key, value


def _list(value: object) -> list[Any]:
    if not isinstance(value, list):
        raise _Invalid
    return value


def _type(value: object) -> str:
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int | float):
        return "number"
    if isinstance(value, str):
        return "str"
    raise _Invalid


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _same(found: object, wanted: object) -> bool:
    """Equality as Chroma has it: 1 and 1.0 are the same, 1 and true are not."""
    return isinstance(found, bool) == isinstance(wanted, bool) and found == wanted
