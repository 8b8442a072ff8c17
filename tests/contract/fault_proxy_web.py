"""An HTTP server behind a proxy, for the tests of `http_fault`: it records every request that reaches it."""

import contextlib
import threading
import time
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import requests

from tests.contract.fault_proxy_rig import Target, eventually


@dataclass(frozen=True)
class Seen:
    """A request as the server got it."""

    method: str
    path: str
    body: bytes
    at: float
    port: int
    """The port it came from: the same for requests of one connection."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1
    server: "_Server"

    def _answer(self) -> None:
        body = self._body()
        self.server.seen.append(Seen(self.command, self.path, body, time.monotonic(), self.client_address[1]))
        status = int(self.headers.get("X-Answer", 200))
        content = b"" if status in (204, 304) else b"answer to " + self.path.encode()
        if self.headers.get("X-Early-Hints"):
            self.wfile.write(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n")
        self.send_response(status)
        if self.headers.get("X-Chunked"):
            self.send_header("Transfer-Encoding", "chunked")
            content = b"%x\r\n%b\r\n0\r\nTrailer: t\r\n\r\n" % (len(content), content)
        elif status not in (204, 304):
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = _answer  # noqa: N815 - http.server's names

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        body = b""
        while size := int(self.rfile.readline().split(b";")[0], 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def log_message(self, *_: Any) -> None:
        pass


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    seen: list[Seen]

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Connections that the faults cut off are no errors."""


class Web:
    """A proxied HTTP server with a keep-alive client in front of it.

    session -> proxy "web" -> server
    """

    def __init__(self, target: Target, idle_limit: float | None = None) -> None:
        handler = type("Handler", (_Handler,), {"timeout": idle_limit})
        self.server = _Server(("127.0.0.1", 0), handler)
        self.server.seen = []
        self._thread = threading.Thread(target=self.server.serve_forever, args=(0.01,))
        self._thread.start()
        self.target = target
        body = {"name": "web", "listen": "127.0.0.1:0", "upstream": f"127.0.0.1:{self.server.server_port}"}
        self.listen = target.post("/proxies", body, expect=201)["listen"]
        self.session = requests.Session()
        self._last_event = max((event["id"] for event in target.get("/events")), default=0)

    @property
    def seen(self) -> list[Seen]:
        return self.server.seen

    @property
    def paths(self) -> list[str]:
        return [item.path for item in self.seen]

    def call(self, method: str = "GET", path: str = "/", timeout: float = 5, **more: Any) -> requests.Response:
        return self.session.request(method, f"http://{self.listen}{path}", timeout=timeout, **more)

    def fault(self, action: str, name: str = "fault", toxicity: float = 1, **attributes: Any) -> None:
        body = {
            "type": "http_fault",
            "name": name,
            "toxicity": toxicity,
            "attributes": {"action": action, **attributes},
        }
        self.target.post("/proxies/web/toxics", body, expect=200)

    def heal(self, name: str = "fault") -> None:
        self.target.call("DELETE", f"/proxies/web/toxics/{name}", expect=204)

    def events(self, kind: str | None = None) -> list[dict[str, Any]]:
        """Events since this proxy was created."""
        found = self.target.get(f"/events?since={self._last_event}")
        return [event for event in found if kind in (None, event["event"])]

    def outcome(self) -> dict[str, Any]:
        """The last outcome in the event log, once there is one."""
        return eventually(lambda: self.events("outcome"))[-1]

    def close(self) -> None:
        self.session.close()
        self.server.shutdown()
        self._thread.join()
        with contextlib.suppress(OSError):
            self.server.server_close()
