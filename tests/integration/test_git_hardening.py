"""Bad input, bad tokens, bad machines: a clear problem that names the field, no effect, nothing secret said."""

from __future__ import annotations

import io
import json
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests
from flask import Response
from requests.adapters import BaseAdapter

from git_server.app import create_app
from git_server.ledger import Ledger
from git_server.lock import ProjectLocks
from git_server.settings import Settings
from service_kit.tokens import KeyRing, TokenMinter
from tests.integration.git_support import (
    GOOD_SHA,
    KEYS,
    PROJECT,
    FakeFiles,
    Running,
    assert_sound,
    body,
    fake_filesystem,
    git,
    main_of,
    make_app,
    pages,
    sha,
    snap,
    start,
    token,
)
from tests.integration.machine import few_descriptors


@pytest.fixture
def files() -> Iterator[FakeFiles]:
    with fake_filesystem() as fake:
        yield fake


class OneFile(BaseAdapter):
    """A filesystem_server that has one content under every name, without a network."""

    def __init__(self, content: bytes) -> None:
        super().__init__()
        self.content = content

    def send(self, _: requests.PreparedRequest, **__: object) -> requests.Response:
        answer = requests.Response()
        answer.status_code, answer.raw = 200, io.BytesIO(self.content)
        return answer

    def close(self) -> None:
        pass


def nested(depth: int) -> str:
    return '{"a":' * depth + "1" + "}" * depth


@pytest.mark.parametrize(
    ("sent", "field"),
    [
        (body(saga_id=""), "saga_id"),
        (body(saga_id="a/b"), "saga_id"),
        (body(saga_id="-rf"), "saga_id"),
        (body(saga_id="s" * 201), "saga_id"),
        (body(saga_id="s\n"), "saga_id"),
        (body(saga_id=5), "saga_id"),
        (body(message=""), "message"),
        (body(message="a\0b"), "message"),
        (body(message="a\x1b[31m"), "message"),
        (body(message="m" * 5000), "message"),
        (body(files={}), "files"),
        (body(files=[]), "files"),
        (body(files={"a": "0"}), "files"),
        (body(files={"a": "G" * 64}), "files"),
        (body(files={"a": None}), "files"),
        (body(files={"": GOOD_SHA}), "files"),
        (body(files={"../a": GOOD_SHA}), "files"),
        (body(files={".git/config": GOOD_SHA}), "files"),
        (body(files={"a\0": GOOD_SHA}), "files"),
        (body(files={"a": GOOD_SHA, "A": GOOD_SHA}), "files"),
        (body(files={f"f{i}": GOOD_SHA for i in range(5001)}), "files"),
        (body(created_at=-1), "created_at"),
        (body(created_at="now"), "created_at"),
        (body(created_at=10**18), "created_at"),
        (body(unknown=1), "unknown"),
        ({}, "saga_id"),
    ],
)
def test_a_bad_body_is_a_400_that_names_the_field(tmp_path: Path, sent: object, field: str) -> None:
    client = make_app(tmp_path).test_client()
    answer = client.post(f"/snapshot/{PROJECT}", json=sent, headers={"X-INTERNAL-TOKEN": token()})
    assert answer.status_code == 400
    assert answer.json and answer.json["type"] == "invalid-request"
    assert any(row["field"].startswith(field) for row in answer.json["errors"])
    assert not (tmp_path / f"{PROJECT}.git").exists()


@pytest.mark.parametrize(
    ("raw", "content_type", "status"),
    [
        ("{", "application/json", 400),
        ("[]", "application/json", 400),
        ('"x"', "application/json", 400),
        ('{"a": NaN}', "application/json", 400),
        (nested(40), "application/json", 400),
        (nested(50_000), "application/json", 400),
        (json.dumps(body(message="\ud800")), "application/json", 400),
        (json.dumps(body(files={"\udfff": GOOD_SHA})), "application/json", 400),
        (json.dumps(body()), "text/plain", 415),
        ("saga_id=s", "application/x-www-form-urlencoded", 415),
        ("x" * (33 * 1024 * 1024), "application/json", 413),
    ],
)
def test_what_is_not_a_small_json_object_is_refused(tmp_path: Path, raw: str, content_type: str, status: int) -> None:
    client = make_app(tmp_path).test_client()
    headers = {"X-INTERNAL-TOKEN": token()}
    answer = client.post(f"/snapshot/{PROJECT}", data=raw, content_type=content_type, headers=headers)
    assert (answer.status_code, answer.content_type) == (status, "application/problem+json")


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/snapshot/..", 400),
        ("GET", "/snapshot/.git", 400),
        ("GET", "/snapshot/-x", 400),
        ("GET", "/snapshot/a%00b", 400),
        ("GET", "/snapshot/a%0a", 400),
        ("GET", "/snapshot/%2e%2e%2fetc", 400),
        ("GET", f"/snapshot/{'p' * 129}", 400),
        ("GET", f"/snapshot/{PROJECT}/HEAD", 400),
        ("GET", f"/snapshot/{PROJECT}/--all", 400),
        ("GET", f"/snapshot/{PROJECT}/{snap('unknown')}", 404),
        ("GET", f"/snapshot/{PROJECT}?limit=0", 400),
        ("GET", f"/snapshot/{PROJECT}?offset=x", 400),
        ("DELETE", f"/snapshot/{PROJECT}/{snap('s')}", 400),
        ("GET", "/saga/a%20b", 400),
        ("GET", "/saga/unknown", 404),
        ("PUT", f"/snapshot/{PROJECT}", 405),
        ("GET", "/nothing", 404),
    ],
)
def test_a_bad_address_is_a_clear_problem(tmp_path: Path, method: str, path: str, status: int) -> None:
    answer = make_app(tmp_path).test_client().open(path, method=method, headers={"X-INTERNAL-TOKEN": token("*")})
    assert (answer.status_code, answer.content_type) == (status, "application/problem+json")


def test_an_undo_must_name_its_own_snapshot(tmp_path: Path) -> None:
    client = make_app(tmp_path).test_client()
    headers = {"X-INTERNAL-TOKEN": token(), "X-Saga-Id": "other"}
    assert client.delete(f"/snapshot/{PROJECT}/{snap('s')}", headers=headers).status_code == 409


@pytest.mark.parametrize(
    "bad",
    [
        "",
        "x",
        TokenMinter(KeyRing.parse("k1:" + "z" * 40), "backend").mint("u", PROJECT),
        TokenMinter(KeyRing.parse(KEYS), "stranger").mint("u", PROJECT),
        TokenMinter(KeyRing.parse(KEYS), "backend", lifetime=-60).mint("u", PROJECT),
        TokenMinter(KeyRing.parse(KEYS), "backend", audience="user").mint("u", PROJECT),
    ],
)
def test_without_a_good_token_nothing_happens(tmp_path: Path, bad: str) -> None:
    client = make_app(tmp_path).test_client()
    for method, path in [
        ("POST", f"/snapshot/{PROJECT}"),
        ("GET", f"/snapshot/{PROJECT}"),
        ("DELETE", f"/snapshot/{PROJECT}/{snap('s')}"),
        ("POST", "/saga/s/confirm"),
        ("GET", "/saga/s"),
        ("GET", f"/git/{PROJECT}.git/info/refs?service=git-upload-pack"),
    ]:
        answer = client.open(path, method=method, headers={"X-INTERNAL-TOKEN": bad, "X-Saga-Id": "s"})
        assert answer.status_code == 401
    assert Ledger(tmp_path / "barrier.sqlite3").projects("s") == []


def test_two_keys_are_valid_while_one_is_rotated_out(tmp_path: Path) -> None:
    both = Settings(internal_token_keys=f"k2:{'n' * 40},{KEYS}", data_dir=tmp_path, filesystem_url="http://127.0.0.1:9")
    client = create_app(both).test_client()
    for key in ("k2:" + "n" * 40, KEYS):
        minted = TokenMinter(KeyRing.parse(key), "backend").mint("u", PROJECT)
        assert client.get(f"/snapshot/{PROJECT}", headers={"X-INTERNAL-TOKEN": minted}).status_code == 200


def test_many_workers_start_on_an_empty_folder_at_once(tmp_path: Path, files: FakeFiles) -> None:
    server = start(tmp_path, files.url, workers=3)
    try:
        with ThreadPoolExecutor(10) as pool:
            answers = list(pool.map(lambda i: server.undo(f"s{i}"), range(30)))
        assert {answer.status_code for answer in answers} == {204}
        assert len(server.workers()) == 3
    finally:
        server.stop()


def test_a_users_git_configuration_changes_nothing(
    files: FakeFiles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / ".gitconfig").write_text(
        "[commit]\n gpgsign = true\n[core]\n fsync = none\n autocrlf = true\n"
        "[init]\n templateDir = /nonexistent\n[user]\n name = x\n"
    )
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("GIT_DIR", "/nonexistent")
    monkeypatch.setenv("GIT_OBJECT_DIRECTORY", "/nonexistent")
    monkeypatch.setenv("GIT_AUTHOR_NAME", "intruder")
    client = make_app(tmp_path / "data", files.url).test_client()
    sent = body(files=files.put({"a": b"crlf\r\n"}))
    answer = client.post(f"/snapshot/{PROJECT}", json=sent, headers={"X-INTERNAL-TOKEN": token()})
    monkeypatch.undo()
    assert answer.status_code == 201
    assert main_of(tmp_path / "data") == answer.json["commit"]
    assert git(tmp_path / "data" / f"{PROJECT}.git", "log", "-1", "--format=%an %G?", "main") == "git_server N"


@pytest.mark.parametrize(
    "odd",
    [
        lambda: Response("oops", 500),
        lambda: Response("busy", 503, headers={"Retry-After": "9"}),
        lambda: Response("", 401),
        lambda: Response("moved", 302, headers={"Location": "/elsewhere"}),
        lambda: Response(iter([b"x" * 10]), 200, headers={"Content-Length": "100"}),
        lambda: Response((b"" for _ in "x" if threading.Event().wait(1.5)), 200, headers={"Content-Length": "1"}),
    ],
    ids=["500", "503", "401", "302", "cut", "silent"],
)
def test_a_filesystem_that_does_not_answer_well_is_a_503_without_effect(
    files: FakeFiles, tmp_path: Path, odd: Callable[[], Response]
) -> None:
    wanted = files.put(pages(3))
    files.misbehave = lambda name: odd() if name.endswith("001.md") else None
    client = make_app(tmp_path, files.url, filesystem_timeout=0.5).test_client()
    answer = client.post(f"/snapshot/{PROJECT}", json=body(files=wanted), headers={"X-INTERNAL-TOKEN": token()})
    assert (answer.status_code, answer.json["type"]) == (503, "filesystem-unavailable")
    assert "Retry-After" in answer.headers
    files.misbehave = lambda _: None
    again = client.post(f"/snapshot/{PROJECT}", json=body(files=wanted), headers={"X-INTERNAL-TOKEN": token()})
    assert again.status_code == 201


def test_a_filesystem_that_is_away_is_a_503_and_not_ready(tmp_path: Path) -> None:
    client = make_app(tmp_path, filesystem_timeout=0.5).test_client()
    answer = client.post(f"/snapshot/{PROJECT}", json=body(), headers={"X-INTERNAL-TOKEN": token()})
    assert answer.json["type"] == "filesystem-unavailable"
    assert client.get("/readyz").json["away"] == {"filesystem_server": "ConnectionError"}
    assert client.get("/healthz").status_code == 200


def test_tokens_and_contents_never_appear_in_logs_or_answers(
    files: FakeFiles, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    server: Running = start(tmp_path, files.url)
    try:
        wanted = files.put({"a": b"top-secret content"})
        minted = token()
        headers = {"X-INTERNAL-TOKEN": minted}
        texts = [
            server.call("POST", f"/snapshot/{PROJECT}", json=body(files=wanted), headers=headers).text,
            server.call(
                "POST", f"/snapshot/{PROJECT}", json=body(saga_id="t", files={"a": GOOD_SHA}), headers=headers
            ).text,
            server.call("GET", f"/snapshot/{PROJECT}/{snap('s')}", headers=headers).text,
            server.call("GET", "/metrics").text,
        ]
    finally:
        server.stop()
    said = "".join([*texts, *capfd.readouterr()])
    assert "top-secret" not in said
    assert minted.split(".")[2] not in said


def test_a_project_that_is_busy_for_too_long_is_a_503(files: FakeFiles, tmp_path: Path) -> None:
    client = make_app(tmp_path, files.url, lock_timeout=0.05).test_client()
    with ProjectLocks(tmp_path / ".locks", 1).hold(PROJECT):
        answer = client.delete(
            f"/snapshot/{PROJECT}/{snap('s')}", headers={"X-INTERNAL-TOKEN": token(), "X-Saga-Id": "s"}
        )
    assert (answer.status_code, answer.json["type"]) == (503, "repository-unavailable")


@pytest.mark.parametrize("free", range(0, 22, 3))
def test_running_out_of_file_descriptors_is_a_503_with_the_whole_effect_or_none(
    files: FakeFiles, tmp_path: Path, free: int
) -> None:
    session = requests.Session()
    session.mount("http://", OneFile(b"a"))
    chosen = Settings(internal_token_keys=KEYS, data_dir=tmp_path, filesystem_url="http://files")
    client = create_app(chosen, session).test_client()
    headers = {"X-INTERNAL-TOKEN": token(), "X-Saga-Id": "s"}
    sent = body(files={"a": sha(b"a")})
    with few_descriptors(free):
        answer = client.post(f"/snapshot/{PROJECT}", json=sent, headers=headers)
        undone = client.delete(f"/snapshot/{PROJECT}/{snap('other')}", headers=headers | {"X-Saga-Id": "other"})
        read = client.get(f"/snapshot/{PROJECT}", headers=headers)
    for found, well in ((answer, 201), (undone, 204), (read, 200)):
        assert found.status_code == well or (found.status_code, found.content_type) == (503, "application/problem+json")
    assert free > 0 or answer.status_code == 503
    assert_sound(tmp_path)
    repeated = client.post(f"/snapshot/{PROJECT}", json=sent, headers=headers)
    assert repeated.status_code == 201
    assert main_of(tmp_path) == repeated.json["commit"]
    assert client.delete(f"/snapshot/{PROJECT}/{snap('s')}", headers=headers).status_code == 204
    assert main_of(tmp_path) is None
