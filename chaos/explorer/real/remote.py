"""A run as one of its real processes sees it: whatever it comes to it tells the stage, and goes on when told to."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import urlsplit

import requests

from chaos.explorer.hub import HubClock
from chaos.explorer.network import Describe
from chaos.explorer.real.disk import Disk
from chaos.explorer.real.lines import Channel, Message
from chaos.explorer.schedule import Fault, FaultKind, Point
from chaos.explorer.tokens import Tokens
from chaos.explorer.wire import TOKEN, Request
from chaos.explorer.world import Entry, Process, World

LABEL = "X-Request-Id"
"""Tells the calls of a run apart, for the fault proxy and for the participant."""
LABELLED = "explorer-"
_NAMES = {FaultKind.REFUSED.value: FaultKind.REFUSED} | {kind.value: kind for kind in FaultKind}
Links = Mapping[str, str]
"""A participant's address as scenarios write it, to the URL of the link that leads there."""


class RealSession(requests.Session):
    """A session that sends its requests over the links, each when the stage lets it.

    Args:
        tell: opens a conversation with the stage about one call.
    """

    def __init__(self, tell: Callable[[], Any], links: Links, describe: Describe, tokens: Tokens) -> None:
        super().__init__()
        self.trust_env = False
        self._tell, self._links, self._describe, self._tokens = tell, links, describe, tokens

    def request(self, method: str, url: str, **given: Any) -> requests.Response:  # type: ignore[override]
        """As ``requests.Session.request``, the whole answer read.

        Raises:
            requests.RequestException: none came; what the stage makes of it is what is raised.
        """
        address = "{0.scheme}://{0.netloc}".format(urlsplit(str(url)))
        request = _as_sent(method, str(url), given)
        name = urlsplit(address).netloc
        headers = {key: value for key, value in (given.pop("headers", None) or {}).items() if key.lower() != "connection"}
        call = {"op": "call", "to": address, "what": self._describe(name, request), "method": request.method}
        virtual = _seconds(given.pop("timeout", None))
        with self._tell() as ask:
            go = ask(call | {"timeout": virtual, "saga_id": request.saga_id})
            headers |= {LABEL: go["label"], "Connection": "close"}
            if go["expired"]:
                headers = {key: value for key, value in headers.items() if key.lower() != TOKEN}
                headers[TOKEN] = self._tokens.expired(request).headers[TOKEN]
            there = self._links[address] + str(url).removeprefix(address)
            try:
                answer = super().request(request.method, there, headers=headers, timeout=go["patience"], **given)
                answer.content  # noqa: B018 - a streamed answer is read here, while the stage waits
            except requests.RequestException as error:
                ask({"op": "ended", "how": _how(error)})
                raise
            if ask({"op": "ended", "status": answer.status_code, "word": _word_of(answer)})["too_late"]:
                raise requests.ReadTimeout("no answer in time")
        return answer


class RemoteHub:
    """The stage's time and order, from a process of its own: time passes only while the stage has the word."""

    def __init__(self, ask: Callable[[Message], Message]) -> None:
        self._ask, self.now = ask, 0.0

    def sleep_until(self, at: float) -> None:
        self._ask({"op": "sleep", "until": at})

    def switch(self) -> None:
        """Not by itself: a point does."""


class RemoteWorld(World):
    """The run, as a coordinator's process sees it.

    Attributes:
        disk: what coordinators keep.
    """

    def __init__(self, channel: Channel, lease: float, disk: Disk) -> None:
        self._channel, self.lease, self.disk, self.durable = channel, lease, disk, disk
        self.processes, self.passed, self.fired = [], [], []
        self.trace = _ToldTrace(self)
        self.hub = RemoteHub(self.ask)  # type: ignore[assignment]
        self.clock = HubClock(self.hub)
        self.began = 0.0

    def ask(self, message: Message) -> Message:
        """Tell the stage, wait until it lets this process go on, and see what changed meanwhile."""
        answer = self._channel.ask(message)
        self.hub.now = answer["now"]
        self.processes[:] = [Process(name) for name in answer["alive"]]
        self.disk.refresh()
        return answer

    def point(self, what: str, kinds: Sequence[FaultKind]) -> list[Fault]:
        answer = self.ask({"op": "point", "what": what, "kinds": list(kinds)})
        return [Fault(Point(what, 1), FaultKind(kind)) for kind in answer["faults"]]

    def note(self, kind: str, about: str, outcome: str, **more: Any) -> None:
        self.ask({"op": "note", "kind": kind, "about": about, "outcome": outcome, "more": more})

    def seconds(self) -> float:
        return 0.0  # the stage knows

    def die(self, process: Process) -> NoReturn:
        """kill -9, by its own hand: at this very instruction."""
        self.note("process", process.name, "killed")
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError("nobody outlives SIGKILL")


class _ToldTrace(list[Entry]):
    """A trace that the stage keeps. A write that is in it is durable."""

    def __init__(self, world: RemoteWorld) -> None:
        super().__init__()
        self._world = world

    def append(self, entry: Entry) -> None:
        self._world.disk.force()
        self._world.ask({"op": "entry", "entry": asdict(entry)})


class RemoteNetwork:
    """The links, from one coordinator's process."""

    def __init__(self, world: RemoteWorld, links: Links, describe: Describe, tokens: Tokens) -> None:
        self._world, self._links, self._describe, self._tokens = world, links, describe, tokens

    def session(self, process: Process) -> RealSession:
        return RealSession(lambda: _Conversation(self._world.ask), self._links, self._describe, self._tokens)


class _Conversation:
    def __init__(self, ask: Callable[[Message], Message]) -> None:
        self._ask = ask

    def __enter__(self) -> Callable[[Message], Message]:
        return self._ask

    def __exit__(self, *_: object) -> None: ...
