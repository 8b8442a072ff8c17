"""Which bodies are taken as JSON objects, and what is said of the others."""

from __future__ import annotations

import json

import pytest
from flask import Flask, Response, request

from service_kit import requests_in
from service_kit.problems import InvalidRequest, Problem, UnsupportedMedia
from service_kit.requests_in import MAX_DEPTH, JsonRequest, parse_object


def nested(depth: int) -> bytes:
    """An object that holds lists in lists, ``depth`` containers deep."""
    return b'{"a":' + b"[" * (depth - 1) + b"]" * (depth - 1) + b"}"


def refusal(raw: bytes) -> str:
    with pytest.raises(InvalidRequest) as refused:
        parse_object(raw)
    (row,) = refused.value.extra["errors"]
    assert row["field"] == "body"
    return str(row["reason"])


def test_an_object_is_taken_as_it_is() -> None:
    assert parse_object('{"a": ["ü\\u00fc\\ud83d\\ude00", 1.5, null, {"b": true}]}'.encode()) == {
        "a": ["üü😀", 1.5, None, {"b": True}]
    }


@pytest.mark.parametrize("raw", [b"[]", b'"x"', b"1", b"null", b"true"])
def test_only_objects_are_taken(raw: bytes) -> None:
    assert refusal(raw) == "the body must be a JSON object"


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{",
        b"{'a': 1}",
        b'{"a": 1,}',
        b'{"a": 1} x',
        b'{"a": "\x00"}',
        b"\xef\xbb\xbf{}",
        b"\xff\xfe{}",
        '{"a": 1}'.encode("utf-16-le"),
        b'{"a": "\xed\xa0\x80"}',
        b'{"a": NaN}',
        b'{"a": -Infinity}',
        b'{"a": ' + b"9" * 5000 + b"}",
        b"\x1f\x8b\x08\x00",
    ],
)
def test_what_is_not_json_is_refused(raw: bytes) -> None:
    assert refusal(raw).startswith("the body is not valid JSON: ")


def test_a_refusal_does_not_repeat_the_body() -> None:
    assert "secret" not in refusal(b'{"content": "secret')
    assert "secret" not in refusal(b'{"secret": 1, "secret": 2}')


def test_a_name_that_comes_twice_is_refused_on_every_level() -> None:
    assert "twice" in refusal(b'{"saga_id": "a", "saga_id": "b"}')
    assert "twice" in refusal(b'{"files": [{"a": 1, "\\u0061": 2}]}')


def test_the_depth_has_a_limit() -> None:
    assert parse_object(nested(MAX_DEPTH))
    assert "deeper than" in refusal(nested(MAX_DEPTH + 1))


@pytest.mark.parametrize("raw", [nested(100_000), b'{"a":' * 100_000 + b"1" + b"}" * 100_000, b"[" * 1_000_000])
def test_a_body_that_would_exhaust_the_stack_is_refused(raw: bytes) -> None:
    assert "nested too deep" in refusal(raw)


@pytest.mark.parametrize("half", ["\\ud800", "\\uDFFF", "\\ude00\\ud83d", "x\\udc00"])
def test_half_a_surrogate_pair_is_refused_in_values_and_names(half: str) -> None:
    assert "surrogate" in refusal(f'{{"a": "{half}"}}'.encode())
    assert "surrogate" in refusal(f'{{"a": [{{"{half}": 1}}]}}'.encode())


def test_a_body_of_too_many_values_is_refused_before_they_are_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(requests_in, "MAX_VALUES", 100)
    monkeypatch.setattr(json, "loads", lambda *_, **__: pytest.fail("it was parsed"))
    for bomb in (b"{}," * 100, b"[" * 101, b"1," * 101, b'"\\"",' * 101, b'{"a":' * 101):
        assert "more than 100 values" in refusal(b'{"a":[' + bomb)


def test_what_stands_inside_a_string_is_no_value(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(requests_in, "MAX_VALUES", 100)
    page = {"content": 'a "quoted", [listed] \\ {braced}\n' * 500}
    assert parse_object(json.dumps(page).encode()) == page


def asked(**sent: object) -> tuple[int, str]:
    """Status and detail that a service gives to a request."""
    app = Flask("test")
    app.request_class = JsonRequest

    @app.post("/")
    def take() -> dict[str, object]:
        return {"taken": request.get_json()}

    @app.errorhandler(Problem)
    def refused(problem: Problem) -> Response:
        return Response(problem.detail, problem.status)

    answer = app.test_client().post("/", **sent)  # type: ignore[arg-type]
    return answer.status_code, answer.text


@pytest.mark.parametrize("kind", [None, "", "text/plain", "application/x-www-form-urlencoded", "text/json", "json"])
def test_only_json_content_types_are_taken(kind: str | None) -> None:
    status, detail = asked(data=b"{}", content_type=kind)
    assert status == UnsupportedMedia.status and "Content-Type" in detail


@pytest.mark.parametrize(
    "kind", ["application/json", "application/json; charset=utf-8", "application/merge-patch+json"]
)
def test_json_content_types_are_taken(kind: str) -> None:
    assert asked(data=b"{}", content_type=kind)[0] == 200


def test_a_body_is_parsed_once() -> None:
    app = Flask("test")
    app.request_class = JsonRequest
    with app.test_request_context("/", method="POST", json={"a": 1}):
        assert request.get_json() is request.get_json()
