"""One request and its answer on a connection."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .heads import Head

if TYPE_CHECKING:
    from .treatments import Treatment

_SHOWN = ("x-saga-id", "idempotency-key", "traceparent", "x-request-id")
"""Header values that say which request it was. Others may be secrets and never appear in an event."""


@dataclass
class Exchange:
    """`number` counts the requests of the connection from 1."""

    number: int
    head: Head
    treatment: "Treatment"
    request_complete: bool = False
    answered: bool = False
    """The final status line has come from the upstream."""

    @property
    def awaits_continue(self) -> bool:
        """The client will not send the body before it is told to (RFC 9110, 10.1.1)."""
        return not self.request_complete and (self.head.header("expect") or "").lower() == "100-continue"


def describe(head: Head, number: int) -> dict[str, Any]:
    """A request for the event log."""
    known = {name: value for name in _SHOWN if (value := head.header(name)) is not None}
    return {"number": number, "method": head.method, "target": head.target, **({"headers": known} if known else {})}
