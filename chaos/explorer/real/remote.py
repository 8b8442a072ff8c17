"""A run as one of its real processes sees it: whatever it comes to it tells the stage, and goes on when told to."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict
from typing import Any, NoReturn

import requests

from chaos.explorer.hub import START, HubClock
from chaos.explorer.network import Describe
from chaos.explorer.real.disk import Disk
from chaos.explorer.real.lines import Channel, Message
from chaos.explorer.schedule import Fault, FaultKind, Point
from chaos.explorer.tokens import Tokens
from chaos.explorer.wire import TOKEN, address_of, as_request, seconds_of
from chaos.explorer.world import Entry, Process, World

LABEL = "X-Request-Id"
"""Tells the calls of a run apart: for the fault proxy, and for the participant."""
Ask = Callable[[Message], Message]
Links = Mapping[str, tuple[str, str]]
"""A participant's address as scenarios write it, to its name and the URL of the link that leads there."""


class RealSession(requests.Session):
    """A session that sends its requests over the links, each when the stage lets it.

    Args:
        conversation: opens a conversation with the stage about one call.
    """

    def __init__(
        self, conversation: Callable[[], AbstractContextManager[Ask]], links: Links, describe: Describe, tokens: Tokens
    ) -> None:
        super().__init__()
        self.trust_env = False
        self._conversation, self._links, self._describe, self._tokens = conversation, links, describe, tokens

    def request(self, method: str, url: str, **given: Any) -> requests.Response:  # type: ignore[override]
        """As ``requests.Session.request``; the whole answer is read.

        Raises:
            requests.RequestException: no whole answer came, or too late.
        """
        address = address_of(str(url))
        name, link = self._links[address]
        request = as_request(method, str(url), self.headers, given)
        about = {"op": "call", "to": name, "what": self._describe(name, request), "method": request.method}
        timeout = seconds_of(given.pop("timeout", None))
        headers = dict(given.pop("headers", None) or {})
        with self._conversation() as ask:
            go = ask(about | {"timeout": timeout, "saga_id": request.saga_id})
            if go["expired"]:
                headers = {key: value for key, value in headers.items() if key.lower() != TOKEN}
                headers[TOKEN] = self._tokens.expired(request).headers[TOKEN]
            headers[LABEL] = go["label"]
            there = link + str(url).removeprefix(address)
            try:
                answer = super().request(request.method, there, headers=headers, timeout=go["patience"], **given)
            except requests.RequestException as error:
                ask({"op": "ended", "how": _how(error)})
                raise
            finally:
                self.close()  # a call has a connection of its own: no kill before it can break it
            over = ask({"op": "ended", "status": answer.status_code, "body": answer.content[:2000].decode("latin-1")})
        if over["too_late"]:
            raise requests.ReadTimeout("no answer in time")
        return answer

    def send(self, request: requests.PreparedRequest, **given: Any) -> requests.Response:
        """A streamed answer is read here too, so that whatever befalls it does so while the stage waits."""
        answer = super().send(request, **given)
        _ = answer.content
        return answer


class RemoteHub:
    """The stage's time: it passes only while the stage has the word."""

    def __init__(self, ask: Ask) -> None:
        self._ask, self.now = ask, START

    def sleep_until(self, at: float) -> None:
        self._ask({"op": "sleep", "until": at})


class RemoteWorld(World):
    """A run, as a coordinator's process sees it."""

    def __init__(self, channel: Channel, lease: float, disk: Disk) -> None:
        self._channel, self.lease, self.disk, self.durable = channel, lease, disk, disk
        self.processes, self.passed, self.fired, self.began = [], [], [], START
        self.trace = _ToldTrace(self)
        self.hub = RemoteHub(self.ask)  # type: ignore[assignment]
        self.clock = HubClock(self.hub)

    def ask(self, message: Message) -> Message:
        """Tell the stage, wait until it lets this process go on, and see what changed meanwhile.

        What this process has on disk is there before: it may die here.
        """
        self.disk.force()
        answer = self._channel.ask(message)
        self.hub.now = answer["now"]
        self.processes[:] = [Process(name) for name in answer["alive"]]
        self.disk.refresh()
        return answer

    def point(self, what: str, kinds: Sequence[FaultKind], possible: Sequence[FaultKind] | None = None) -> list[Fault]:
        """A durable write: the points of calls are the stage's."""
        answer = self.ask({"op": "point", "what": what, "kinds": [str(kind) for kind in kinds]})
        return [Fault(Point(what, 1), FaultKind(kind)) for kind in answer["faults"]]

    def note(self, kind: str, about: str, outcome: str, **more: Any) -> None:
        self.trace.append(Entry(self.seconds(), kind, about, "", "", outcome, **more))

    def pause(self, process: Process) -> None:
        """Nothing: at a write the stage stopped this process before it let it go on."""

    def die(self, process: Process) -> NoReturn:
        """kill -9, at this very instruction."""
        self.note("process", process.name, "killed")
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError("nobody outlives SIGKILL")


class _ToldTrace(list[Entry]):
    """A trace that the stage keeps."""

    def __init__(self, world: RemoteWorld) -> None:
        super().__init__()
        self._world = world

    def append(self, entry: Entry) -> None:
        self._world.ask({"op": "entry", "entry": asdict(entry)})


class RemoteNetwork:
    """The links of one coordinator's process."""

    def __init__(self, world: RemoteWorld, links: Links, describe: Describe, tokens: Tokens) -> None:
        self._world, self._links, self._describe, self._tokens = world, links, describe, tokens

    def session(self, process: Process) -> RealSession:
        return RealSession(lambda: nullcontext(self._world.ask), self._links, self._describe, self._tokens)


def _how(error: requests.RequestException) -> str:
    """In the words of ``wire.NoAnswer``."""
    if isinstance(error, requests.Timeout):
        return "timeout"
    return "cut" if isinstance(error, requests.exceptions.ChunkedEncodingError) else "reset"
