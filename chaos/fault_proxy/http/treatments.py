"""What happens to one request and its answer: passing both on, or one of the six faults."""

import asyncio
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from ..toxics.http_fault import Action, HttpFault, Then
from . import courier
from .heads import Head

if TYPE_CHECKING:
    from ..toxic import Toxic
    from .exchange import Exchange
    from .gate import Gate

HOLD_LIMIT = 16 * 1024 * 1024
"""Bytes of one request that the proxy keeps; a longer one is read no further while it is held, and not duplicated."""
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class Treatment:
    """Passes everything on. Faults override what they change.

    The gate calls `request*` with the bytes of the request as they come, `response*` with those of the answer, and
    `turn` when every earlier request on the connection has been answered.
    """

    undelivered = False
    """The request has not reached the upstream: whatever comes from there is not its answer."""
    survives_client = False
    """The request goes on without its client."""

    def __init__(self, gate: "Gate") -> None:
        self.gate = gate

    def request(self, raw: bytes) -> None:
        self.gate.to_upstream(raw)

    def request_end(self) -> None:
        """The last byte of the request has come."""

    def turn(self) -> bool:
        """Answer without the upstream, if that is the fault; True when the exchange is over."""
        return False

    def interim(self, raw: bytes) -> None:
        """A 1xx answer."""
        self.gate.to_peer(raw)

    def response_head(self, raw: bytes, head: Head) -> None:
        self.gate.to_peer(raw)

    def response(self, raw: bytes) -> None:
        self.gate.to_peer(raw)

    def response_end(self) -> None:
        """The last byte of the answer has come."""

    def release(self) -> None:
        """The toxic was removed: hold nothing back any longer."""

    def cancel(self) -> None:
        """The connection is gone."""


class Fault(Treatment):
    """A treatment that a toxic asked for."""

    def __init__(self, gate: "Gate", toxic: "Toxic", fault: HttpFault, exchange: "Exchange") -> None:
        super().__init__(gate)
        self.toxic = toxic
        self.fault = fault
        self.exchange = exchange
        self.upstream_status: int | None = None

    def report(self, outcome: str, **details: Any) -> None:
        self.gate.report(self.toxic, self.exchange, self.fault.action, outcome, **details)


class DropRequest(Fault):
    def request(self, raw: bytes) -> None:
        """Nobody gets it."""

    def turn(self) -> bool:
        if not (self.exchange.request_complete or self.exchange.awaits_continue):
            return False
        self.report("dropped")
        self.gate.finish(self.fault.then)
        return True


class DropResponse(Fault):
    survives_client = True

    def response_head(self, raw: bytes, head: Head) -> None:
        self.upstream_status = head.status

    def response(self, raw: bytes) -> None:
        """Nobody gets it."""

    def response_end(self) -> None:
        self.report("dropped", upstream_status=self.upstream_status)
        self.gate.finish(self.fault.then)


class Cut(Fault):
    def __init__(self, gate: "Gate", toxic: "Toxic", fault: HttpFault, exchange: "Exchange") -> None:
        super().__init__(gate, toxic, fault, exchange)
        self._left = fault.bytes
        self._cut = False

    def response_head(self, raw: bytes, head: Head) -> None:
        self.upstream_status = head.status
        super().response_head(raw, head)

    def response(self, raw: bytes) -> None:
        if self._cut:
            return
        super().response(raw[: self._left])
        self._cut = len(raw) > self._left
        self._left -= min(len(raw), self._left)
        if self._cut:
            self.report("cut", upstream_status=self.upstream_status)
            self.gate.finish(self.fault.then)

    def response_end(self) -> None:
        if not self._cut:
            self.report("too short to cut", upstream_status=self.upstream_status)


class Status(Fault):
    """The proxy's own answer, instead of the delivery or (with `deliver`) instead of the server's answer."""

    @property
    def survives_client(self) -> bool:  # type: ignore[override]
        return self.fault.deliver

    def request(self, raw: bytes) -> None:
        if self.fault.deliver:
            super().request(raw)

    def turn(self) -> bool:
        if self.fault.deliver or not (self.exchange.request_complete or self.exchange.awaits_continue):
            return False
        self._answer()
        return True

    def response_head(self, raw: bytes, head: Head) -> None:
        self.upstream_status = head.status

    def response(self, raw: bytes) -> None:
        """The client gets another answer."""

    def response_end(self) -> None:
        self._answer()

    def _answer(self) -> None:
        # A body that the client was told not to send leaves the connection's framing open to doubt.
        keep = self.exchange.head.keep_alive and self.exchange.request_complete
        self.gate.to_peer(_response(self.fault, self.exchange.head.method, keep))
        self.report("answered", status=self.fault.status, upstream_status=self.upstream_status)
        if not keep:
            self.gate.finish(Then.CLOSE)


class Hold(Fault):
    """Keeps the request for `ms` milliseconds from its head on, then delivers it, with or without a client."""

    def __init__(self, gate: "Gate", toxic: "Toxic", fault: HttpFault, exchange: "Exchange") -> None:
        super().__init__(gate, toxic, fault, exchange)
        self._kept = bytearray()
        self._released = False
        self._told_to_continue = False
        self._timer = gate.loop.call_later(fault.ms / 1000, self.release)
        self._delivery: asyncio.Task[None] | None = None
        self.undelivered = True
        self.survives_client = True

    def request(self, raw: bytes) -> None:
        if not self.undelivered:
            super().request(raw)
            return
        self._kept += raw
        if self.exchange.awaits_continue and not self._told_to_continue:
            self._told_to_continue = True
            self.gate.to_peer(CONTINUE)
        if len(self._kept) > HOLD_LIMIT:
            self.gate.stop_reading("held", True)

    def request_end(self) -> None:
        if self.undelivered:
            self.gate.block(True)

    def interim(self, raw: bytes) -> None:
        if not self._told_to_continue:
            super().interim(raw)

    def release(self) -> None:
        if not self._released:
            self._released = True
            self._timer.cancel()
            self._delivery = self.gate.loop.create_task(self._deliver())

    def cancel(self) -> None:
        self._timer.cancel()
        if self._delivery is not None and self.undelivered:
            self._delivery.cancel()
        if self.undelivered and not self._released:
            self.report("abandoned")

    async def _deliver(self) -> None:
        if not await self.gate.upstream_ready():
            self.report("undeliverable")
            self.gate.finish(Then.CLOSE)
            return
        self.undelivered = False
        self.report("delivered", client_gone=self.gate.client_gone)
        self.gate.to_upstream(bytes(self._kept))
        self._kept.clear()
        self.gate.stop_reading("held", False)
        self.gate.block(False)


class Duplicate(Fault):
    """Delivers a second copy over a connection of its own, `ms` milliseconds after the first was sent."""

    def __init__(self, gate: "Gate", toxic: "Toxic", fault: HttpFault, exchange: "Exchange") -> None:
        super().__init__(gate, toxic, fault, exchange)
        self._copy = bytearray()

    def request(self, raw: bytes) -> None:
        super().request(raw)
        if len(self._copy) <= HOLD_LIMIT:
            self._copy += raw

    def request_end(self) -> None:
        if len(self._copy) > HOLD_LIMIT:
            self.report("too large to duplicate")
            return
        self.gate.connection.proxy.send_copy(self._deliver(bytes(self._copy)))

    async def _deliver(self, raw: bytes) -> None:
        await asyncio.sleep(self.fault.ms / 1000)
        try:
            status = await courier.deliver(self.gate.connection.proxy.upstream, raw, self.exchange.head.method)
        except (OSError, TimeoutError) as error:
            self.report("copy not answered", error=type(error).__name__)
            return
        self.report("copy delivered", upstream_status=status)


TREATMENTS: dict[Action, type[Fault]] = {
    Action.DROP_REQUEST: DropRequest,
    Action.DROP_RESPONSE: DropResponse,
    Action.HOLD: Hold,
    Action.DUPLICATE: Duplicate,
    Action.STATUS: Status,
    Action.CUT: Cut,
}


def _response(fault: HttpFault, method: str, keep_alive: bool) -> bytes:
    status = fault.status or 500
    body = (fault.body or "").encode()
    headers = {name.lower(): (name, value) for name, value in fault.headers}
    bodiless = status in (204, 304)
    if not bodiless:
        headers["content-length"] = ("Content-Length", str(len(body)))
        headers.setdefault("content-type", ("Content-Type", _content_type(fault.body or "")))
    headers.pop("transfer-encoding", None)
    headers["connection"] = ("Connection", "keep-alive" if keep_alive else "close")
    if fault.retry_after is not None:
        headers["retry-after"] = ("Retry-After", str(fault.retry_after))
    lines = [f"HTTP/1.1 {status} {_phrase(status)}", *(f"{name}: {value}" for name, value in headers.values())]
    head = "\r\n".join([*lines, "", ""]).encode("latin-1")
    return head if bodiless or method == "HEAD" else head + body


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Injected"


def _content_type(body: str) -> str:
    return "application/json" if body[:1] in ("{", "[") else "text/plain; charset=utf-8"
