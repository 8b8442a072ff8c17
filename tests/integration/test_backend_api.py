"""The backend's API under good and bad input: every answer is a clear one, and no bad call has an effect."""

from __future__ import annotations

import threading
import time

import pytest

from backend.saga.events import Event, EventType
from tests.integration import saga_stories as told
from tests.integration.backend_app import INTERNAL_KEYS, user_token
from tests.integration.backend_fixtures import START, fields_of, problem_of, written

ROUTES = [
    ("POST", "/api/projects/demo/documents"),
    ("POST", START),
    ("GET", "/api/sagas"),
    ("GET", "/api/sagas/s1"),
    ("GET", "/api/sagas/s1/events"),
    ("POST", "/api/sagas/s1/retry"),
    ("POST", "/api/sagas/s1/skip"),
    ("POST", "/api/sagas/s1/cancel"),
    ("GET", "/api/stats"),
    ("GET", "/api/dead-letters"),
    ("GET", "/api/events"),
]
BAD_TOKENS = {
    "none": "",
    "no JWT": "abc",
    "other keys": user_token(keys="k1:" + "x" * 40),
    "expired": user_token(lifetime=-60.0),
    "internal, not a user's": user_token(keys=INTERNAL_KEYS, audience="internal", issuer="backend"),
    "another issuer": user_token(issuer="somebody"),
    "another audience": user_token(audience="internal"),
}


# Who may


@pytest.mark.parametrize("bad", BAD_TOKENS)
@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_every_route_refuses_a_bad_token(full, method, path, bad):
    before = written(full)
    response = full.client.open(path, method=method, json={}, headers={"Authorization": f"Bearer {BAD_TOKENS[bad]}"})
    assert "testbed token --user" in problem_of(response, 401, "unauthorized")["detail"]
    assert BAD_TOKENS[bad] == "" or BAD_TOKENS[bad] not in response.text
    assert written(full) == before


@pytest.mark.parametrize("header", ["", "Basic YTpi", "Bearer", "Token " + user_token()])
def test_only_a_bearer_token_counts(full, header):
    problem_of(full.client.get("/api/sagas", headers={"Authorization": header}), 401, "unauthorized")


def test_the_scheme_may_be_written_in_any_case(full):
    assert full.client.get("/api/sagas", headers={"Authorization": f"bearer {user_token()}"}).status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/api/projects/demo/documents", {"documents": [{"doc_id": "a", "title": "A", "text": "a"}]}),
        ("POST", START, None),
        ("GET", "/api/sagas?project=demo", None),
        ("GET", "/api/sagas/stuck", None),
        ("GET", "/api/sagas/stuck/events", None),
        ("POST", "/api/sagas/stuck/retry", {"reason": "healed"}),
        ("POST", "/api/sagas/stuck/skip", {"reason": "healed", "dry_run": True}),
        ("POST", "/api/sagas/stuck/cancel", {"reason": "healed"}),
    ],
)
def test_another_projects_token_is_forbidden_and_changes_nothing(full, method, path, body):
    before = written(full)
    response = full.call(method, path, token=user_token("p1"), **({"json": body} if body else {}))
    problem_of(response, 403, "forbidden")
    assert written(full) == before


def test_lists_and_figures_are_those_of_the_tokens_project(full):
    token = user_token("p1")
    assert [row["saga_id"] for row in full.get("/api/sagas", token=token).json["sagas"]] == ["done"]
    assert full.get("/api/stats", token=token).json["by_outcome"] == {"committed": 1}
    assert full.get("/api/stats", token=token).json["dead_letters"] == 0
    assert full.get("/api/dead-letters", token=token).json == {"dead_letters": []}


# Starting


def test_a_generation_is_accepted_and_can_be_followed(backend):
    response = backend.post(START)
    assert response.status_code == 202
    assert response.headers["Location"] == response.json["status_url"]
    assert backend.get(response.json["status_url"]).json["state"] == "pending"


def test_the_same_key_starts_one_generation_per_project(backend):
    key = {"Idempotency-Key": "once"}
    first, again = backend.post(START, headers=key).json, backend.post(START, headers=key).json
    assert first["saga_id"] == again["saga_id"]
    other = backend.post("/api/projects/other/wiki", headers=key).json
    assert other["saga_id"] != first["saga_id"]
    assert len(backend.get("/api/sagas").json["sagas"]) == 2


@pytest.mark.parametrize("key", ["", "k" * 256, "a\0b"])
def test_a_bad_key_is_named_and_starts_nothing(full, key):
    before = written(full)
    assert fields_of(full.post(START, headers={"Idempotency-Key": key})) == ["Idempotency-Key"]
    assert written(full) == before


def test_a_busy_project_is_refused_when_asked_so_and_names_the_holder(backend):
    holder = backend.post(START).json["saga_id"]
    refused = problem_of(backend.post(f"{START}?on_busy=reject"), 409, "project-busy")
    assert refused["holder"] == holder
    assert backend.post("/api/projects/other/wiki?on_busy=reject").status_code == 202
    assert backend.post(START).status_code == 202  # by default it waits its turn


def test_a_repeat_of_the_request_that_holds_the_project_is_no_conflict(backend):
    key = {"Idempotency-Key": "once"}
    first = backend.post(f"{START}?on_busy=reject", headers=key).json
    assert backend.post(f"{START}?on_busy=reject", headers=key).json["saga_id"] == first["saga_id"]


def test_wait_gives_up_after_its_time_and_says_how_the_saga_stands(backend):
    started = time.monotonic()
    assert backend.post(f"{START}?wait=0.2").json["state"] == "pending"
    assert time.monotonic() - started >= 0.2


def test_wait_ends_as_soon_as_the_saga_is_decided(backend):
    def work():
        while (record := backend.log.claim_next("w", 5.0, time.time(), ("wiki",))) is None:
            time.sleep(0.01)
        over = Event(EventType.ROLLED_BACK, time.time(), None, {"error": "no documents"})
        backend.log.append(record.saga_id, record.fence, record.last_seq, [over])

    worker = threading.Thread(target=work, daemon=True)
    worker.start()
    assert backend.post(f"{START}?wait=60").json["state"] == "rolled_back"
    worker.join()


@pytest.mark.parametrize(
    ("query", "field"), [("wait=61", "wait"), ("wait=-1", "wait"), ("wait=nan", "wait"), ("on_busy=maybe", "on_busy")]
)
def test_a_bad_start_names_its_field_and_starts_nothing(full, query, field):
    before = written(full)
    assert fields_of(full.post(f"{START}?{query}")) == [field]
    assert written(full) == before


@pytest.mark.parametrize("project", ["..%2Fx", "-demo", "demo.", "a b", "p" * 101, "%00", "d%C3%A9mo"])
def test_a_project_that_cannot_be_a_folder_is_refused(full, project):
    before = written(full)
    response = full.post(f"/api/projects/{project}/wiki")
    assert response.status_code in (400, 404)
    assert written(full) == before


# Operators


@pytest.mark.parametrize(
    ("verb", "saga"),
    [
        *(("retry", saga) for saga in ("done", "undone", "busy", "early")),
        *(("skip", saga) for saga in ("done", "undone", "busy", "early")),
        *(("cancel", saga) for saga in ("done", "undone", "stuck", "early")),
    ],
)
@pytest.mark.parametrize("dry_run", [False, True])
def test_a_verb_in_the_wrong_state_is_a_conflict_dry_or_not(full, verb, saga, dry_run):
    before = written(full)
    response = full.post(f"/api/sagas/{saga}/{verb}", {"reason": "because", "dry_run": dry_run})
    problem_of(response, 409, "conflict")
    assert written(full) == before


@pytest.mark.parametrize(("verb", "saga"), [("retry", "stuck"), ("skip", "stuck"), ("cancel", "busy")])
def test_a_dry_run_says_what_would_be_done_and_does_nothing(full, verb, saga):
    before = written(full)
    answer = full.post(f"/api/sagas/{saga}/{verb}", {"reason": "only asking", "dry_run": True}).json
    assert answer["dry_run"] is True
    assert (told.FILES if saga == "stuck" else saga) in answer["would"]
    assert written(full) == before


def test_retry_wakes_the_saga_and_records_who_and_why(fresh):
    assert fresh.post("/api/sagas/stuck/retry", {"reason": " disk mounted "}).json["state"] == "rolling_back"
    last = fresh.get("/api/sagas/stuck/events").json["events"][-1]
    who = {"by": "ada", "authenticated_as": "ada", "reason": "disk mounted"}
    assert (last["type"], last["data"]) == ("saga.retry_requested", who)
    problem_of(fresh.post("/api/sagas/stuck/retry", {"reason": "once more"}), 409, "conflict")


def test_skip_names_the_stuck_step_and_goes_on(fresh):
    assert (
        fresh.post("/api/sagas/stuck/skip", {"reason": "tidied by hand", "by": "grace"}).json["state"] == "rolling_back"
    )
    skipped, again = fresh.get("/api/sagas/stuck/events").json["events"][-2:]
    assert (skipped["type"], skipped["step"]) == ("undo.skipped", told.FILES)
    assert skipped["data"] == {"by": "grace", "authenticated_as": "ada", "reason": "tidied by hand"}
    assert (again["type"], again["data"]) == ("saga.retry_requested", skipped["data"])
    assert fresh.get("/api/dead-letters").json == {"dead_letters": []}


def test_cancel_is_recorded_for_the_worker_to_see(fresh):
    assert fresh.post("/api/sagas/busy/cancel", {"reason": "wrong project"}).status_code == 200
    asked = fresh.get("/api/sagas/busy/events").json["events"][-1]
    assert (asked["type"], asked["data"]["authenticated_as"]) == ("saga.cancel_requested", "ada")


def test_nobody_can_give_another_token_user_than_their_own(fresh):
    body = {"reason": "not me", "by": "grace", "authenticated_as": "grace"}
    assert fields_of(fresh.post("/api/sagas/busy/cancel", body)) == ["authenticated_as"]


def test_a_dead_letter_has_the_evidence(full):
    (letter,) = full.get("/api/dead-letters").json["dead_letters"]
    assert (letter["saga_id"], letter["step"], letter["attempts"]) == ("stuck", told.FILES, 2)
    assert "read-only" in letter["problem"]
    assert letter["retry_at"] > letter["parked_at"]


@pytest.mark.parametrize("verb", ["retry", "skip", "cancel"])
@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "reason"),
        ({"reason": ""}, "reason"),
        ({"reason": "      "}, "reason"),
        ({"reason": "r" * 501}, "reason"),
        ({"reason": 7}, "reason"),
        ({"reason": "because", "by": "b" * 101}, "by"),
        ({"reason": "because", "by": "automatic"}, "by"),
        ({"reason": "because", "dry_run": "perhaps"}, "dry_run"),
        ({"reason": "because", "force": True}, "force"),
    ],
)
def test_a_bad_verb_names_its_field_and_does_nothing(full, verb, body, field):
    before = written(full)
    assert fields_of(full.post(f"/api/sagas/stuck/{verb}", body)) == [field]
    assert written(full) == before


# Bodies


@pytest.mark.parametrize("path", ["/api/projects/demo/documents", "/api/sagas/stuck/retry"])
@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'"text"',
        b"NaN",
        b'{"reason": NaN}',
        b"[" * 40_000,
        b'{"a":' * 40 + b"1" + b"}" * 40,
        b"\xff\xfe",
        b'{"reason": "\\ud800"}',
    ],
)
def test_a_malformed_body_is_named(full, path, raw):
    before = written(full)
    response = full.call("POST", path, data=raw, headers={"Content-Type": "application/json"})
    assert fields_of(response) == ["body"]
    assert written(full) == before


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", ""])
def test_only_json_is_taken(full, kind):
    response = full.call("POST", "/api/sagas/stuck/retry", data=b"{}", headers={"Content-Type": kind})
    problem_of(response, 415, "unsupported-media-type")


def document(**changes):
    return {"doc_id": "a", "title": "A", "text": "words", "format": "markdown"} | changes


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "documents"),
        ({"documents": []}, "documents"),
        ({"documents": {}}, "documents"),
        ({"documents": [document()] * 1001}, "documents"),
        ({"documents": ["a"]}, "documents.0"),
        ({"documents": [document(), document(doc_id="")]}, "documents.1.doc_id"),
        ({"documents": [document(title="t" * 501)]}, "documents.0.title"),
        ({"documents": [document(text=None)]}, "documents.0.text"),
        ({"documents": [document(text="x" * (1024 * 1024 + 1))]}, "documents.0.text"),
        ({"documents": [document(format="pdf")]}, "documents.0.format"),
        ({"documents": [document(author="me")]}, "documents.0.author"),
    ],
)
def test_a_bad_document_names_its_field(full, body, field):
    response = full.post("/api/projects/demo/documents", body)
    assert fields_of(response) == [field]
    assert "x" * 50 not in response.text


def test_a_document_store_that_is_away_is_said_so(full):
    response = full.post("/api/projects/demo/documents", {"documents": [document()]})
    assert "sending them again is safe" in problem_of(response, 503, "unavailable")["detail"]


@pytest.mark.parametrize(("method", "path"), [("DELETE", "/api/sagas/stuck"), ("POST", "/api/sagas"), ("GET", START)])
def test_another_method_is_told_what_is_allowed(full, method, path):
    response = full.call(method, path)
    problem_of(response, 405, "method-not-allowed")
    assert response.headers["Allow"]
