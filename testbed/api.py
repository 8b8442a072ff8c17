"""The backend's API for the commands: what goes wrong becomes a message for the user."""

from __future__ import annotations

import time
from typing import Any

import requests

from chaos.experiments.client import BackendClient, Json
from chaos.running_system import RunningSystem
from testbed.errors import Failure

_ATTEMPTS = 3
_PAUSE = 0.5  # seconds before a call is tried again


class Refused(Failure):
    """The backend said no; ``kind`` is the stable word of its problem."""

    def __init__(self, status: int, kind: str, message: str) -> None:
        super().__init__(message)
        self.status, self.kind = status, kind


class Backend(BackendClient):
    """The backend of a running system, with the rights of one user.

    Every method raises Refused for a no, and Failure when no answer comes. Calls are repeated a few times when the
    connection fails: all of them may be (R3), a start because of its key.
    """

    def __init__(self, system: RunningSystem, user: str) -> None:
        super().__init__(system, user)
        self.state = system.state

    def _call(self, *arguments: Any, **more: Any) -> Json:
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                return super()._call(*arguments, **more)
            except requests.HTTPError as error:
                raise _refused(error.response) from None
            except requests.RequestException as error:
                if attempt == _ATTEMPTS:
                    raise Failure(
                        f"the backend at {self.url} does not answer ({type(error).__name__}):"
                        f" see `testbed status --state {self.state}`"
                    ) from None
                time.sleep(_PAUSE)
        raise AssertionError("unreachable")


def _refused(answer: requests.Response) -> Refused:
    try:
        problem = answer.json()
        kind, detail = str(problem["type"]), str(problem.get("detail") or problem["title"])
    except (ValueError, KeyError, TypeError):
        kind, detail = "", answer.reason
    return Refused(answer.status_code, kind, f"the backend answered {answer.status_code} {kind}: {detail}")
