"""The port through which the Chroma and Neo4j clients send; ``HttpLink.send`` fits, and so does a simulated one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import requests


class Send(Protocol):
    """Sends one request to one server, with X-INTERNAL-TOKEN and traceparent; raises when no whole answer came."""

    def __call__(
        self, method: str, path: str, *, json: object | None = None, headers: Mapping[str, str] | None = None
    ) -> requests.Response: ...
