"""The conformance kit's own parts: templates, descriptions, what is compared, what is shown, how it judges."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from chaos.auditor.verdicts import Verdict
from chaos.conform import run
from chaos.conform.bench import Bench
from chaos.conform.calls import Calls, Case
from chaos.conform.evidence import Exchange
from chaos.conform.registry import CHECKS, Broken, CannotTell, Check, NotClaimed
from chaos.conform.sight import Seen, comparable
from chaos.conform.spec import BadSpec, Spec, load, profiles
from chaos.conform.template import BadTemplate, Template
from chaos.conform.wire import Answer, Request

ACTION = 'POST /rooms {"saga_id": "{saga_id}", "room": "{item}"}'
COMPENSATION = "DELETE /rooms/{item}"
CASE = Case("saga-1", "item-1", "saga-1:step", "value-1")
DOCUMENT = Path(__file__).parents[2] / "docs" / "conform.md"


def spec(**said: object) -> Spec:
    return load(None, None, {"action": ACTION, "compensation": COMPENSATION, **said})


def bench(described: Spec | None = None, token: str | None = None) -> Bench:
    return Bench(Calls("http://server", described or spec(), lambda project: token, "kit"), 1, 1, 1.0)


def test_json_braces_are_not_taken_for_placeholders() -> None:
    template = Template.parse('POST /a {"x": {"y": "{value}"}, "z": {}}')
    assert template.payload({"value": "1"}) == b'{"x": {"y": "1"}, "z": {}}'


def test_values_are_escaped_for_where_they_stand() -> None:
    template = Template.parse('POST /a/{item} {"x": "{item}"}')
    assert template.path({"item": 'a/"b'}) == "/a/a%2F%22b"
    assert template.payload({"item": 'a/"b'}) == b'{"x": "a/\\"b"}'


def test_a_placeholder_can_be_hashed_and_cut() -> None:
    digest = hashlib.sha256(b"saga-1").hexdigest()
    template = Template.parse("DELETE /{saga_id|sha256}/{saga_id|sha256:16}")
    assert template.path({"saga_id": "saga-1"}) == f"/{digest}/{digest[:16]}"


@pytest.mark.parametrize("text", ["", "POST", "post /a", "POST a", "/a"])
def test_what_is_not_a_call_is_refused(text: str) -> None:
    with pytest.raises(BadTemplate):
        Template.parse(text)


@pytest.mark.parametrize(
    ("said", "named"),
    [
        ({"action": "nonsense"}, "action"),
        ({"action": "POST /rooms/{room}"}, "{room}"),
        ({"compensation": ""}, "compensation"),
        ({"headers": {"X-Saga-Id": "", "Idempotency-Key": ""}}, "names no saga"),
        ({"actoin": ACTION}, "actoin"),
        ({"project": "{project}"}, "nothing is known of {project}"),
        ({"token_command": "tokens --for {item}"}, "nothing is known of {item}"),
    ],
)
def test_a_description_that_cannot_be_used_is_refused_and_says_where(said: dict[str, object], named: str) -> None:
    with pytest.raises(BadSpec, match=named.replace("{", r"\{")):
        load(None, None, {"action": ACTION, "compensation": COMPENSATION} | {**said, "x": None})
    if said.get("compensation") == "":
        with pytest.raises(BadSpec, match="compensation"):
            load(None, None, {"action": ACTION})


@pytest.mark.parametrize("name", profiles())
def test_every_profile_is_a_whole_description(name: str) -> None:
    assert load(name, None, {}).observe


def test_the_command_line_wins_over_the_file_and_the_file_over_the_profile(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("project: from-file\nvariables: {a: file, b: file}\n")
    found = load("participants", file, {"variables": {"b": "said"}})
    assert (found.project, found.variables) == ("from-file", {"a": "file", "b": "said"})
    assert found.locks


def test_calls_in_the_sagas_name_carry_its_headers_and_others_do_not() -> None:
    calls = bench(spec(headers={"X-Api": "7"})).calls
    act = calls.request(calls.spec.action, "action", CASE)
    look = calls.request(Template.parse("GET /rooms/{item}"), "observe", CASE)
    assert act.headers == {"X-Saga-Id": "saga-1", "Idempotency-Key": "saga-1:step", "X-Api": "7"}
    assert look.headers == {"X-Api": "7"}


def test_an_empty_header_is_not_sent() -> None:
    calls = bench(spec(headers={"Idempotency-Key": ""})).calls
    assert set(calls.request(calls.spec.action, "action", CASE).headers) == {"X-Saga-Id"}


def test_a_token_takes_the_place_of_the_header_and_can_be_left_out() -> None:
    calls = bench(spec(headers={"x-internal-token": "static"})).calls
    sent = [
        calls.request(calls.spec.action, "action", CASE, token=lambda p, t=t: t).headers for t in (None, "", "other")
    ]
    assert [headers.get("x-internal-token", headers.get("X-INTERNAL-TOKEN")) for headers in sent] == [
        "static",
        None,
        "other",
    ]


def test_a_request_is_http_by_the_byte() -> None:
    raw = Request("POST", "http://h:1/a?b=1", {"X": "1"}, b"{}").raw()
    assert raw.startswith(b"POST /a?b=1 HTTP/1.1\r\nHost: h:1\r\n")
    assert raw.endswith(b"Content-Length: 2\r\nX: 1\r\n\r\n{}")


def test_ignored_fields_are_not_compared_at_any_depth() -> None:
    one, other = b'{"at": 1, "a": [{"at": 2, "b": 3}]}', b'{"a": [{"b": 3, "at": 9}], "at": 8}'
    assert comparable(one, {"at"}) == comparable(other, {"at"})
    assert comparable(one, ()) != comparable(other, ())


def test_the_shape_of_what_is_seen_has_no_names_of_its_own() -> None:
    other = Case("saga-2", "item-2", "saga-2:step", "value-2")
    seen = [Seen(((200, f"{case.item} {case.value} {case.saga_id}"),)).shape(case) for case in (CASE, other)]
    assert seen[0] == seen[1] == "200 {item} {value} {saga_id}"


def test_evidence_shows_no_token() -> None:
    request = Request("POST", "http://h/a?t=secret", {}, b'{"t": "secret"}')
    exchange = Exchange.of("action", request, Answer(400, b"bad token: secret"), ["secret"])
    assert "secret" not in str(exchange)
    assert "***" in exchange.answer


def test_evidence_tells_no_body_from_an_empty_one() -> None:
    requests = [Request("POST", "http://h/a", {}, body) for body in (None, b"")]
    assert [Exchange.of("action", each, Answer(200), ["secret"]).body for each in requests] == [None, ""]


def test_the_same_seed_chooses_the_same_values() -> None:
    first, again = ([bench().case() for _ in range(3)] for _ in range(2))
    assert [case.value for case in first] != []
    assert bench().case() == bench().case()
    one, other = bench(), bench()
    assert [one.case() for _ in range(5)] == [other.case() for _ in range(5)]
    other.random.seed(2)
    assert one.case() != other.case()
    assert first == again


def raising(error: Exception | None) -> Check:
    def check(_: Bench) -> None:
        if error:
            raise error

    return Check("name", "Sentence.", "R6", "suffers", "mend", check)


@pytest.mark.parametrize(
    ("error", "verdict"),
    [
        (None, Verdict.VALID),
        (Broken("x"), Verdict.INVALID),
        (CannotTell("x"), Verdict.UNKNOWN),
        (ZeroDivisionError("x"), Verdict.UNKNOWN),
        (NotClaimed("x"), None),
    ],
)
def test_a_check_that_crashes_is_unknown_and_never_green(error: Exception | None, verdict: Verdict | None) -> None:
    assert run.judge(raising(error), bench()).verdict is verdict


def test_a_check_that_was_left_out_is_not_judged() -> None:
    assert run.judge(raising(None), bench(spec(skip=("name",)))).verdict is None


def test_every_check_says_what_a_saga_suffers_and_how_to_mend_it_under_a_name_of_its_own() -> None:
    assert len(set(run.names())) == len(CHECKS) > 20
    assert all(check.suffers and check.mend and check.rule.startswith("R") for check in CHECKS)


def test_the_document_lists_every_check_with_its_sentence_and_rule() -> None:
    text = DOCUMENT.read_text()
    missing = [check.name for check in CHECKS if f"| `{check.name}` | {check.rule} | {check.sentence} |" not in text]
    assert not missing
