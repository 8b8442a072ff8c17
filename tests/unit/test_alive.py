"""The healthcheck of containers."""

from __future__ import annotations

import os
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from service_kit.alive import FRESH, is_fresh, main


@pytest.fixture
def server():
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200 if self.path == "/healthz" else 503)
            self.end_headers()

        def log_message(self, *_):
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as found:
        thread = threading.Thread(target=found.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{found.server_port}"
        found.shutdown()
        thread.join()


def test_a_url_is_alive_when_it_answers_well(server):
    assert main(f"{server}/healthz") == 0
    assert main(f"{server}/readyz") == 1


def test_a_url_where_nobody_listens_is_not_alive(server):
    assert main("http://127.0.0.1:1/healthz") == 1


def test_a_file_is_alive_while_its_owner_touches_it(tmp_path):
    path = tmp_path / "alive"
    assert main(str(path)) == 1
    path.touch()
    assert main(str(path)) == 0
    os.utime(path, (0, 100.0))
    assert is_fresh(path, 100.0 + FRESH - 1)
    assert not is_fresh(path, 100.0 + FRESH)
