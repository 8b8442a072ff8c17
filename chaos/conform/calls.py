"""From a template and a saga's work on an item to a request."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from chaos.conform.spec import OF_A_SAGA, Spec
from chaos.conform.template import PLACEHOLDER, Template, fill
from chaos.conform.wire import Request

Tokens = Callable[[str], str | None]  # a token for a project; "": none is sent; None: whatever the headers say
SAGA_CALLS = frozenset({"action", "compensation", "confirm"})


@dataclass(frozen=True)
class Case:
    """One saga's work on one item."""

    saga_id: str
    item: str
    key: str
    value: str


@dataclass(frozen=True)
class Calls:
    """The calls of one server.

    Attributes:
        url: where it listens, without a slash at the end.
        tokens: asked for every request; it may keep what it made.
    """

    url: str
    spec: Spec
    tokens: Tokens
    prefix: str

    def values(self, case: Case) -> dict[str, str]:
        """What the placeholders stand for."""
        known = {**self.spec.variables, **vars(case), "prefix": self.prefix}
        return known | {"project": fill(self.spec.project, known)}

    def request(
        self, template: Template, call: str, case: Case, token: Tokens | None = None, body: bytes | None = None
    ) -> Request:
        """The request that ``template`` makes of the case, with another ``token`` or ``body`` if they are given.

        Args:
            call: action, compensation or confirm are sent in the saga's name; others are not.
        """
        values = self.values(case)
        path = template.path(values)
        headers = self._headers(call in SAGA_CALLS, values, (token or self.tokens)(values["project"]))
        payload = template.payload(values) if body is None else body
        return Request(template.method, path if "://" in path else self.url + path, headers, payload)

    def _headers(self, of_a_saga: bool, values: dict[str, str], token: str | None) -> dict[str, str]:
        said = {name: text for name, text in self.spec.headers.items() if of_a_saga or not _names_a_saga(text)}
        headers = {name: fill(text, values) for name, text in said.items() if text}
        if token is None:
            return headers
        others = {name: text for name, text in headers.items() if name.lower() != self.spec.token_header.lower()}
        return others | ({self.spec.token_header: token} if token else {})


def _names_a_saga(text: str) -> bool:
    return any(found[1] in OF_A_SAGA for found in PLACEHOLDER.finditer(text))
