"""What a reader sees of an item, and how two looks compare."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from chaos.conform.calls import Case

MOST = 200  # characters of a body that a message quotes


@dataclass(frozen=True)
class Seen:
    """Status and body of every observation; None: nothing was given to look with."""

    answers: tuple[tuple[int, str], ...] | None

    def __str__(self) -> str:
        return "; ".join(f"{status} {body[:MOST]}" for status, body in self.answers or ())

    def shape(self, case: Case) -> str:
        """It with the case's own names and value taken out, so that it can be held against another item's."""
        text = "; ".join(f"{status} {body}" for status, body in self.answers or ())
        for name, value in sorted(vars(case).items(), key=lambda pair: -len(pair[1])):
            text = text.replace(value, f"{{{name}}}")
        return text


def comparable(body: bytes, ignore: Collection[str]) -> str:
    """The body as text; of JSON, without the fields that are to be ignored, at any depth."""
    text = body.decode(errors="backslashreplace")
    if not ignore:
        return text
    try:
        return json.dumps(_without(json.loads(text), ignore), sort_keys=True)
    except ValueError:
        return text


def _without(value: Any, ignored: Collection[str]) -> Any:
    if isinstance(value, dict):
        return {name: _without(inner, ignored) for name, inner in value.items() if name not in ignored}
    return [_without(inner, ignored) for inner in value] if isinstance(value, list) else value
