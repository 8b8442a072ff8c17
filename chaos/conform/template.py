"""Calls as templates: ``POST /reservations {"saga_id": "{saga_id}", "room": "{item}"}``.

A placeholder is ``{name}``, or ``{name|sha256}``, or ``{name|sha256:16}`` for the first 16 of its 64 hex digits:
servers that derive a name from the saga's id need it. JSON's own braces are never mistaken for one.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import quote

PLACEHOLDER = re.compile(r"\{([a-z_]+)(?:\|sha256(?::(\d+))?)?\}")
METHOD = re.compile(r"[A-Z]{3,10}")
HASH = "|sha256"


class BadTemplate(ValueError):
    """The message quotes the template and says what is wrong with it."""


@dataclass(frozen=True)
class Template:
    """One call of the server.

    Attributes:
        target: a path that starts with a slash, or a whole URL (of another server).
        body: text, or None.
    """

    method: str
    target: str
    body: str | None

    @classmethod
    def parse(cls, text: str) -> Template:
        """Read ``METHOD /path [body]``.

        Raises:
            BadTemplate: it is not of that form.
        """
        method, _, rest = text.strip().partition(" ")
        target, _, body = rest.strip().partition(" ")
        if not METHOD.fullmatch(method) or not target:
            raise BadTemplate(f"{text!r} is not of the form: METHOD /path [body]")
        if not target.startswith(("/", "http://", "https://", "{")):
            raise BadTemplate(f"the path in {text!r} must start with a slash")
        return cls(method, target, body.strip() or None)

    def names(self) -> set[str]:
        """The placeholders that it uses."""
        return {found[1] for found in PLACEHOLDER.finditer(self.target + (self.body or ""))}

    def path(self, values: Mapping[str, str]) -> str:
        """The target with every value percent-encoded; a value that opens it (an address) is taken as it is."""
        return fill(self.target, values, lambda value: value if "://" in value else _quoted(value))

    def payload(self, values: Mapping[str, str]) -> bytes | None:
        """The body with every value escaped as JSON text is."""
        if self.body is None:
            return None
        return fill(self.body, values, lambda value: json.dumps(value)[1:-1]).encode()


def fill(text: str, values: Mapping[str, str], escape: Callable[[str], str] = str) -> str:
    """Put the values in. ``escape`` makes one fit for where it stands.

    Raises:
        BadTemplate: a placeholder has no value.
    """

    def one(found: re.Match[str]) -> str:
        name, digits = found[1], found[2]
        if name not in values:
            raise BadTemplate(f"nothing is known of {found[0]} in {text!r}; there are: {', '.join(sorted(values))}")
        value = values[name]
        if HASH in found[0]:
            value = hashlib.sha256(value.encode(errors="surrogatepass")).hexdigest()[: int(digits or 64)]
        return escape(value)

    return PLACEHOLDER.sub(one, text)


def _quoted(value: str) -> str:
    return quote(value, safe="", errors="surrogatepass")
