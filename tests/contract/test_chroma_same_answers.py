"""One story of some 250 raw calls, told to the stub and to a real Chroma server: their answers must be the same.

Not compared: uuids, clocks, ``schema`` (which the stub does not send), and the words after the colon where
a JSON or regex parser of another language speaks.
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from tests.contract.chroma_calls import STORY, Call
from tests.contract.chroma_servers import NEEDS_REAL, ChromaServer, real_server, stub_server

Opener = Callable[[Path], AbstractContextManager[ChromaServer]]
NOT_COMPARED = ("schema", "log_position", "version")
FOREIGN_WORDS = ("Failed to parse the request body as JSON", "Regex syntax errror")
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_POSITION = re.compile(r" at line \d+ column \d+")


def comparable(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: comparable(item) for key, item in sorted(value.items()) if key not in NOT_COMPARED}
    if isinstance(value, list):
        return [comparable(item) for item in value]
    if isinstance(value, float):
        return round(value, 5)
    if isinstance(value, str):
        text = _POSITION.sub("", _UUID.sub("<uuid>", value))
        return next((words for words in FOREIGN_WORDS if text.startswith(words)), text)
    return value


def tell(server: ChromaServer, name: str) -> list[tuple[Call, int, Any]]:
    """Every call of the story with the server's status and comparable answer."""
    main = server.new_collection(name, metadata={"project": "p"})
    told = []
    for call in (call for chapter in STORY.values() for call in chapter):
        path = call.path.replace("{main}", main).replace("NAME", name)
        if call.raw is not None:
            answer = server.call(call.method, path, data=call.raw)
        else:
            answer = server.call(call.method, path, json.loads(json.dumps(call.body).replace("NAME", name)))
        told.append((call, answer.status_code, comparable(_body(answer.text))))
    return told


def _body(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


@pytest.mark.parametrize("real_server", [pytest.param(real_server, marks=NEEDS_REAL, id="real")])
def test_stub_and_real_server_answer_the_story_alike(tmp_path: Path, real_server: Opener) -> None:
    name = f"story-{uuid.uuid4().hex[:8]}"
    with stub_server(tmp_path) as stub, real_server(tmp_path) as real:
        pairs = list(zip(tell(stub, name), tell(real, name), strict=True))
    differences = [(ours[0], ours[1:], theirs[1:]) for ours, theirs in pairs if ours[1:] != theirs[1:]]
    assert len(pairs) > 250
    assert not differences, "\n".join(f"{call}\n  stub {ours}\n  real {theirs}" for call, ours, theirs in differences)


def test_the_stub_has_an_answer_to_every_call_of_the_story(tmp_path: Path) -> None:
    """Where no real server is: nothing in the story makes the stub stumble."""
    with stub_server(tmp_path) as stub:
        told = tell(stub, "story")
    unexpected = [(call, status) for call, status, _ in told if status >= 500 and status not in (500, 501)]
    stumbled = [call for call, status, body in told if status == 500 and "scout_logs" not in str(body)]
    assert not unexpected and not stumbled
    assert {status for _, status, _ in told} >= {200, 201, 400, 403, 404, 405, 409, 410, 422, 501}
