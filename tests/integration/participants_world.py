"""Coordinators of sagas over both participants, and the network between all of them, as far as tests disturb it."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import requests
from flask.testing import FlaskClient
from requests.adapters import BaseAdapter

from tests.integration.filesystem_model import Request
from tests.integration.git_model import Wanted, wanted

Contents = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class GitRequest:
    """One call to git_server: snapshot, undo or confirm."""

    kind: str
    saga: str
    asked: Wanted = ()


Message = Request | GitRequest


class ThroughApp(BaseAdapter):
    """A link to another service's app, for ``requests``. One of the next calls over it may fail.

    Attributes:
        client: asked anew at every call, because the service may have been restarted.
        cut: the number of the call that fails, counted from 0; None: none does.
        how: ``reset``, ``cut`` (half the body, or a reset when it has none) or ``error`` (a 502 of a proxy).
    """

    def __init__(self, client: Callable[[], FlaskClient]) -> None:
        super().__init__()
        self._client = client
        self.cut: int | None = None
        self.how = "reset"
        self.calls = 0

    def disturb(self, cut: int | None, how: str) -> None:
        self.cut, self.how, self.calls = cut, how, 0

    def send(self, request: requests.PreparedRequest, **_: object) -> requests.Response:
        fails = self.calls == self.cut
        self.calls += 1
        answer = self._client().open(request.path_url, method=request.method, headers=dict(request.headers))
        body = answer.get_data()
        if fails and (self.how == "reset" or (self.how == "cut" and (answer.status_code != 200 or not body))):
            raise requests.ConnectionError
        response = requests.Response()
        response.status_code = 502 if fails and self.how == "error" else answer.status_code
        response.headers.update(answer.headers)
        response.raw = io.BytesIO(body[: len(body) // 2] if fails else body)
        return response

    def close(self) -> None:
        pass


@dataclass
class Coordinator:
    """One saga, coordinated as it should be: undone as a whole or confirmed as a whole, each call until it is answered.

    Attributes:
        batch: save all files in one call, and undo them in one call.
        decided: None while it acts, then ``undo`` or ``commit``.
        answered: how many calls of the present phase are.
    """

    saga: str
    files: Contents
    batch: bool
    decided: str | None = None
    answered: int = 0

    def wanted(self) -> Wanted:
        """What its snapshot must hold."""
        return wanted({name: content.encode() for name, content in self.files})

    def calls(self) -> list[Message]:
        """What this phase of the saga sends, in order."""
        return {None: self._actions, "undo": self._compensations, "commit": self._confirmations}[self.decided]()

    def next_call(self) -> Message | None:
        calls = self.calls()
        return calls[self.answered] if self.answered < len(calls) else None

    def acted(self) -> bool:
        return self.decided is None and self.next_call() is None

    def closed(self) -> bool:
        return self.decided is not None and self.next_call() is None

    def decide(self, how: str) -> None:
        assert self.decided is None
        self.decided, self.answered = how, 0

    def take(self, call: Message, status: int) -> None:
        """An answer came to ``call``, which may be one that was answered before."""
        if call != self.next_call() or status >= 500:
            return
        if status < 300:
            self.answered += 1
        else:
            assert self.decided is None, f"{call} was refused with {status}"
            self.decide("undo")

    def _actions(self) -> list[Message]:
        key = f"{self.saga}:5"
        if self.batch:
            saves = [Request("batch", self.saga, self.files, key)]
        else:
            saves = [Request("save", self.saga, (one,), f"{key}:{one[0]}") for one in self.files]
        return [*saves, GitRequest("snapshot", self.saga, self.wanted())]

    def _compensations(self) -> list[Message]:
        whole: list[Message] = [GitRequest("undo", self.saga)]
        if self.batch:
            return [*whole, Request("undo_all", self.saga)]
        return [*whole, *(Request("undo", self.saga, ((name, ""),)) for name, _ in reversed(self.files))]

    def _confirmations(self) -> list[Message]:
        return [GitRequest("confirm", self.saga), Request("confirm", self.saga)]


@dataclass
class Truth:
    """What must be there in the end, told by the answers that were given and the coordinators' decisions alone."""

    disk: dict[str, str]
    saved: list[tuple[str, Contents]] = field(default_factory=list)  # by first answer
    committed: list[tuple[str, str]] = field(default_factory=list)  # saga and commit, by first answer

    def note(self, call: Message, status: int, body: object) -> None:
        """The answer to an action."""
        if status != 201:
            return
        if isinstance(call, Request) and (call.saga, call.files) not in self.saved:
            self.saved.append((call.saga or "", call.files))
        elif isinstance(call, GitRequest) and isinstance(body, Mapping) and (row := (call.saga, body["commit"])):
            self.committed += [row] if row not in self.committed else []

    def files(self, kept: set[str]) -> dict[str, bytes]:
        """The files, if these sagas were not undone."""
        found = dict(self.disk)
        for saga, contents in self.saved:
            found |= dict(contents) if saga in kept else {}
        return {name: content.encode() for name, content in found.items()}

    def commits(self, kept: set[str]) -> list[tuple[str, str]]:
        """Saga and commit of each snapshot, oldest first, if these sagas were not undone."""
        return [row for row in self.committed if row[0] in kept]
