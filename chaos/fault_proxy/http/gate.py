"""Where a connection's HTTP messages are watched and, when the proxy has an `http_fault`, governed.

Every connection is watched from its first byte, so that the gate always knows where one request ends and the next
begins: a fault added later governs the very next request on a pooled keep-alive connection. Watching never holds
a byte back. What is not HTTP/1.x turns into a plain tunnel with its first bytes.
"""

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Any

from ..toxic import DOWNSTREAM, UPSTREAM, Toxic
from ..toxics.http_fault import HttpFault, Then
from .exchange import Exchange, describe
from .framer import Framer, Kind, Piece, request_body, response_body
from .heads import Head, RequestParser, ResponseParser
from .treatments import TREATMENTS, Fault, Treatment

if TYPE_CHECKING:
    from ..connection import Connection


class Gate:
    """Sits between the client's socket and the two links.

    client bytes -> from_client -> requests framer  -> Treatment.request*  -> upstream link
    client       <- to_peer     <- Treatment.response* <- responses framer <- to_client <- downstream link
    """

    def __init__(self, connection: "Connection") -> None:
        self.connection = connection
        self.loop: asyncio.AbstractEventLoop = connection.loop
        self.client_gone = False
        self._up = connection.links[UPSTREAM]
        self._requests = Framer(RequestParser, request_body)
        self._responses = Framer(ResponseParser, self._response_body)
        self._exchanges: deque[Exchange] = deque()
        self._current: Exchange | None = None
        self._pass = Treatment(self)
        self._count = 0
        self._interim = False
        self._silent = False
        self._blocked = False
        self._stalled: deque[Piece] = deque()
        self._tunnel = False
        connection.links[DOWNSTREAM].output = self.to_client

    def open(self) -> None:
        """The upstream can be reached: the client's bytes come here from now on."""
        self.connection.client.deliver = self.from_client
        self.connection.client.ended = self.client_ended

    # --- from the client ------------------------------------------------------------------------------------

    def from_client(self, data: bytes) -> None:
        if self._silent:
            return
        if self._watching_requests:
            self.to_upstream(self._requests.release())
            self._up.feed(data)
            for piece in self._requests.feed(data):
                self._note_request(piece)
            self._requests.release()
        else:
            for piece in self._requests.feed(data):
                self._request_piece(piece)

    @property
    def _watching_requests(self) -> bool:
        if self._stalled or self._blocked or self.connection.proxy.request_toxics:
            return False
        return self._current is None or self._current.treatment is self._pass

    def _note_request(self, piece: Piece) -> None:
        if piece.kind is Kind.HEAD and piece.head is not None:
            self._open(piece.head)
        elif piece.kind is Kind.END:
            self._request_complete()
        elif piece.kind is Kind.RAW:
            self._become_tunnel()

    def _request_piece(self, piece: Piece) -> None:
        if self._silent or self.connection.is_closing:
            return
        if self._blocked:
            self._stalled.append(piece)
            self.stop_reading("blocked", True)
            return
        if piece.kind is Kind.RAW:
            self._become_tunnel()
            self.to_upstream(piece.raw)
            return
        if piece.kind is Kind.HEAD and piece.head is not None:
            self._open(piece.head)
        if piece.kind is Kind.END:
            self._request_complete()
        elif self._current is not None:
            self._current.treatment.request(piece.raw)
            self._advance()

    def _open(self, head: Head) -> None:
        self._count += 1
        exchange = Exchange(self._count, head, self._pass)
        self._current = exchange
        self._exchanges.append(exchange)
        toxic = None if head.torn else self.connection.proxy.choose(head)
        if toxic is not None and isinstance(toxic.behaviour, HttpFault):
            fault = toxic.behaviour
            self.connection.proxy.fired(
                toxic, self.connection, action=str(fault.action), request=describe(head, exchange.number)
            )
            exchange.treatment = TREATMENTS[fault.action](self, toxic, fault, exchange)

    def _request_complete(self) -> None:
        exchange, self._current = self._current, None
        if exchange is not None:
            exchange.request_complete = True
            exchange.treatment.request_end()
            self._advance()

    def client_ended(self) -> None:
        """The client closed, or was reset. Requests that outlive it go on; anything else ends with it."""
        self.client_gone = True
        if self._silent:
            self.connection.close()
        elif self._survivors():
            self.connection.client.close()
        else:
            self._up.feed(self._requests.release())
            self._up.feed_end()

    def _survivors(self) -> bool:
        return any(item.request_complete and item.treatment.survives_client for item in self._exchanges)

    # --- from the upstream ----------------------------------------------------------------------------------

    def to_client(self, data: bytes) -> None:
        """Bytes have come out of the downstream link."""
        if self._silent or (self._exchanges and self._exchanges[0].treatment.undelivered):
            return
        if self._watching_responses:
            self.to_peer(self._responses.release())
            self.connection.client.write(data)
            for piece in self._responses.feed(data):
                self._response_piece(piece, watched=True)
            self._responses.release()
        else:
            for piece in self._responses.feed(data):
                self._response_piece(piece, watched=False)

    @property
    def _watching_responses(self) -> bool:
        return all(item.treatment is self._pass for item in self._exchanges)

    def _response_piece(self, piece: Piece, *, watched: bool) -> None:
        exchange = self._exchanges[0] if self._exchanges else None
        if piece.kind is Kind.RAW or exchange is None:
            self._become_tunnel()
            if not watched:
                self.to_peer(piece.raw)
            return
        if piece.kind is Kind.HEAD and piece.head is not None:
            self._interim = piece.head.status < 200
            exchange.answered = not self._interim
        if not watched:
            self._treat_response(exchange, piece)
        if self._responses.is_raw:
            self._become_tunnel()  # 101, or 2xx to CONNECT
        elif piece.kind is Kind.END and not self._interim:
            self._exchange_over()

    def _treat_response(self, exchange: Exchange, piece: Piece) -> None:
        if self._silent:
            return
        if piece.kind is Kind.HEAD and piece.head is not None:
            if self._interim:
                exchange.treatment.interim(piece.raw)
            else:
                exchange.treatment.response_head(piece.raw, piece.head)
        elif piece.kind is Kind.DATA:
            exchange.treatment.response(piece.raw)
        elif not self._interim:
            exchange.treatment.response_end()

    def response_stream_ended(self) -> None:
        """The upstream closed, behind everything it sent: that may be the end of an answer."""
        if self._watching_responses:
            self.to_peer(self._responses.release())
            return
        exchange = self._exchanges[0]
        if exchange.answered:
            exchange.treatment.response_end()

    def _exchange_over(self) -> None:
        if self._exchanges:
            self._exchanges.popleft()
        self._advance()

    def _advance(self) -> None:
        """Requests whose turn it is and that the proxy answers itself are answered now."""
        while self._exchanges and not self._silent and self._exchanges[0].treatment.turn():
            self._exchanges.popleft()
        if self.client_gone and not self._survivors():
            self.connection.close()

    def _response_body(self, head: Head) -> Any:
        return response_body(head, self._exchanges[0].head.method if self._exchanges else None)

    # --- for treatments -------------------------------------------------------------------------------------

    def to_upstream(self, data: bytes) -> None:
        if data:
            self._up.feed(data)

    def to_peer(self, data: bytes) -> None:
        if data:
            self.connection.client.write(data)

    def stop_reading(self, reason: str, stopped: bool) -> None:
        self.connection.client.hold_reading(reason, stopped)

    def block(self, blocked: bool) -> None:
        """Keep later requests back, or let them go on."""
        self._blocked = blocked
        while self._stalled and not self._blocked:
            self._request_piece(self._stalled.popleft())
        if not self._blocked:
            self.stop_reading("blocked", False)

    async def upstream_ready(self) -> bool:
        """Connect again if the server closed the connection while a request was held."""
        return self.connection.upstream.is_open or await self.connection.redial()

    @property
    def outlives_upstream(self) -> bool:
        """A held request will need the upstream later: its closing an idle connection is not the end."""
        return bool(self._exchanges) and self._exchanges[0].treatment.undelivered

    def finish(self, then: Then) -> None:
        """The client's answer will not come."""
        if then is Then.SILENCE:
            self._silent = True
            if self.client_gone:
                self.connection.close()
        else:
            self.connection.close(reset=then is Then.RESET)

    def report(self, toxic: Toxic, exchange: Exchange, action: str, outcome: str, **details: Any) -> None:
        proxy = self.connection.proxy
        request = describe(exchange.head, exchange.number)
        proxy.note(toxic, self.connection, "outcome", action=str(action), outcome=outcome, request=request, **details)

    # --- toxics and end -------------------------------------------------------------------------------------

    def fault_added(self) -> None:
        """The proxy got its first `http_fault`: say which open connections it cannot see into."""
        if self._tunnel:
            self._report_tunnel()

    def fault_removed(self, toxic: Toxic) -> None:
        for exchange in list(self._exchanges):
            treatment = exchange.treatment
            if isinstance(treatment, Fault) and treatment.toxic is toxic:
                treatment.release()
        if self._watching_requests and not self._tunnel:
            self.to_upstream(self._requests.release())

    def cancel(self) -> None:
        for exchange in self._exchanges:
            exchange.treatment.cancel()

    def _become_tunnel(self) -> None:
        if self._tunnel:
            return
        self._tunnel = True
        waiting = self._requests.give_up()
        self.connection.client.deliver = self._up.feed
        self.connection.links[DOWNSTREAM].output = self.connection.client.write
        self.to_upstream(waiting)
        self.to_peer(self._responses.give_up())
        if self.connection.proxy.request_toxics:
            self._report_tunnel()

    def _report_tunnel(self) -> None:
        self.connection.proxy.note_not_http(self.connection)
