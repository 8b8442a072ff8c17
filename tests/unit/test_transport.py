"""What an answer means is decided in one place (R2)."""

from __future__ import annotations

import io
from typing import Any

import pytest
import requests
from requests.adapters import BaseAdapter

from backend.clients.transport import HttpLink
from backend.saga.errors import Refused, Unclear


class Script(BaseAdapter):
    """A network that answers as the test says, and remembers what was sent."""

    def __init__(self, *answers: tuple[int, str, dict[str, str]] | Exception) -> None:
        super().__init__()
        self.answers = list(answers)
        self.sent: list[requests.PreparedRequest] = []

    def send(self, request: requests.PreparedRequest, **_: Any) -> requests.Response:
        self.sent.append(request)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        response = requests.Response()
        response.status_code, text, headers = answer
        response.raw, response.request = io.BytesIO(text.encode()), request
        response.headers.update(headers)
        return response

    def close(self) -> None:
        pass


def a_link(script: Script, headers: Any = None) -> HttpLink:
    session = requests.Session()
    session.mount("http://", script)
    return HttpLink("http://server", headers or {}, session=session)


def outcome(*answers: tuple[int, str, dict[str, str]] | Exception) -> Any:
    return a_link(Script(*answers)).call("POST", "/x", json={})


@pytest.mark.parametrize("status", [200, 201, 202])
def test_a_success_is_its_json(status):
    assert outcome((status, '{"a": 1}', {})) == {"a": 1}


def test_an_empty_success_is_none():
    assert outcome((204, "", {})) is None


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 410, 413, 415, 422])
def test_a_4xx_is_a_definite_no(status):
    with pytest.raises(Refused):
        outcome((status, '{"type": "locked", "detail": "held by s1"}', {}))


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504, 507, 301, 304])
def test_not_now_a_server_error_and_a_redirect_are_unclear(status):
    with pytest.raises(Unclear):
        outcome((status, "", {}))


@pytest.mark.parametrize(
    "error",
    [requests.ConnectionError("reset"), requests.Timeout("slow"), requests.exceptions.ChunkedEncodingError("cut")],
)
def test_no_whole_answer_is_unclear(error):
    with pytest.raises(Unclear):
        outcome(error)


def test_a_success_that_makes_no_sense_is_unclear():
    with pytest.raises(Unclear, match="not JSON"):
        outcome((200, "<html>", {}))


def test_the_problem_names_its_type_and_detail():
    with pytest.raises(Refused, match="POST /x: 409 locked: held by s1"):
        outcome((409, '{"type": "locked", "detail": "held by s1"}', {}))


def test_a_body_that_is_no_problem_is_not_repeated_in_the_error():
    with pytest.raises(Refused) as caught:
        outcome((400, "the secret content of a file", {}))
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "seconds"), [("3", 3.0), ("0.5", 0.5), ("Wed, 21 Oct 2026 07:28:00 GMT", None), ("-1", 0.0)]
)
def test_retry_after_is_read_in_seconds(text, seconds):
    with pytest.raises(Unclear) as caught:
        outcome((503, "", {"Retry-After": text}))
    assert caught.value.retry_after == seconds


def test_an_expired_token_is_minted_anew_once():
    tokens = iter(["old", "new"])
    script = Script((401, "", {}), (200, "{}", {}))
    a_link(script, lambda: {"X-INTERNAL-TOKEN": next(tokens)}).call("POST", "/x")
    assert [request.headers["X-INTERNAL-TOKEN"] for request in script.sent] == ["old", "new"]


def test_with_fixed_headers_a_401_is_a_no_at_once():
    script = Script((401, "", {}))
    with pytest.raises(Refused):
        a_link(script, {"X-INTERNAL-TOKEN": "old"}).call("POST", "/x")
    assert len(script.sent) == 1


def test_redirects_are_not_followed_and_no_proxy_is_taken_from_the_environment(monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    link = HttpLink("http://server", {})
    assert link.session.trust_env is False
    script = Script((302, "", {"Location": "http://elsewhere/"}))
    with pytest.raises(Unclear):
        a_link(script).call("GET", "/x")
    assert len(script.sent) == 1
