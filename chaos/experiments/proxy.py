"""The fault proxy of a running system, through toxiproxy-python: with Toxiproxy itself and with ours alike.

``http_fault``, the toxic that knows requests, and ``events`` need ours (DESIGN section 9).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

import requests
from toxiproxy import Toxiproxy
from toxiproxy.exceptions import NotFound

from chaos.running_system import RunningSystem

TIMEOUT = 10.0  # seconds for one call of the proxy's API
POLL = 0.05


class NoSuchLink(Exception):
    """The system has no proxy on this link, or no fault proxy at all; the message says what there is."""


class FaultProxy:
    """Puts faults on the links of one system and takes them away again.

    Raises:
        NoSuchLink: the system runs without a fault proxy.
    """

    def __init__(self, system: RunningSystem) -> None:
        if system.proxy_url is None:
            raise NoSuchLink(f"the system in {system.state} runs without a fault proxy: start it with --proxy auto")
        self.system, self.url = system, system.proxy_url
        self._session = requests.Session()
        self._session.trust_env = False

    @property
    def knows_requests(self) -> bool:
        """Whether it has ``http_fault`` and ``events``; Toxiproxy itself answers 404."""
        answer = self._session.get(f"{self.url}/capabilities", timeout=TIMEOUT)
        return answer.ok and "http_fault" in answer.json().get("extensions", ())

    def add(
        self,
        link: str,
        kind: str,
        *,
        name: str | None = None,
        stream: str = "downstream",
        toxicity: float = 1.0,
        **attributes: Any,
    ) -> str:
        """Add a toxic; returns its name, which is made up when none is given.

        Raises:
            NoSuchLink: an unknown link.
            toxiproxy.exceptions.InvalidToxic: the proxy does not take it.
        """
        name = name or f"{kind}-{time.monotonic_ns()}"
        self._proxy(link).add_toxic(type=kind, name=name, stream=stream, toxicity=toxicity, attributes=attributes)
        return name

    def remove(self, link: str, name: str) -> None:
        """Take one toxic away; it may be gone already."""
        with suppress(NotFound):
            self._proxy(link).destroy_toxic(name)

    def down(self, link: str) -> None:
        """Close the link's connections and its listener."""
        self._proxy(link).disable()

    def up(self, link: str) -> None:
        self._proxy(link).enable()

    def heal(self) -> None:
        """Take every toxic away and bring every link up.

        toxiproxy-python would wait for ever for a proxy that is halted.
        """
        self._session.post(f"{self.url}/reset", timeout=TIMEOUT).raise_for_status()

    def last_event(self) -> int:
        """The id of the newest event, 0 when there is none."""
        found = self.events(0)
        return int(found[-1]["id"]) if found else 0

    def events(self, since: int) -> list[dict[str, Any]]:
        """What the toxics did after event ``since``; needs ours."""
        answer = self._session.get(f"{self.url}/events", params={"since": since}, timeout=TIMEOUT)
        answer.raise_for_status()
        found: list[dict[str, Any]] = answer.json()
        return found

    def wait_for(self, since: int, wanted: Callable[[dict[str, Any]], bool], timeout: float) -> dict[str, Any] | None:
        """The first event after ``since`` that is ``wanted``, or None when ``timeout`` seconds are over."""
        deadline = time.monotonic() + timeout
        while True:
            found = next(filter(wanted, self.events(since)), None)
            if found is not None or time.monotonic() >= deadline:
                return found
            time.sleep(POLL)

    def _server(self) -> Toxiproxy:
        """toxiproxy-python keeps the server's address in a class: it is set before every use."""
        address = urlsplit(self.url)
        server = Toxiproxy()
        server.update_api_consumer(address.hostname, address.port)
        return server

    def _proxy(self, link: str) -> Any:
        if link not in self.system.links:
            raise NoSuchLink(f"there is no link {link!r}; there are {', '.join(self.system.links)}")
        return self._server().get_proxy(link)
