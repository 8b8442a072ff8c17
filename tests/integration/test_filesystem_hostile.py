"""Hostile requests and failing disks: a clear problem, no traceback, no half effect."""

from __future__ import annotations

import errno
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from service_kit.names import INTERNAL_TOKEN
from service_kit.settings import SettingsError
from service_kit.tokens import KeyRing, TokenMinter
from tests.integration.filesystem_story import P, leftovers, on_disk
from tests.integration.filesystem_support import KEYS, MINTER, headers, serving
from tests.integration.filesystem_wire import Wire
from tests.integration.machine import few_descriptors

CALLS = [
    ("POST", "/save_file"),
    ("POST", "/file"),
    ("GET", f"/file/{P}/a"),
    ("DELETE", f"/file/{P}/a"),
    ("GET", f"/files/{P}"),
    ("POST", f"/files/{P}"),
    ("DELETE", f"/files/{P}"),
    ("GET", "/saga/s1"),
    ("POST", "/saga/s1/confirm"),
]


@pytest.fixture
def wire(tmp_path: Path) -> Iterator[Wire]:
    wire = Wire.of(tmp_path / "data")
    wire.save("a", "old")
    wire.save("s", "pending", "s1")
    yield wire
    wire.store.close()


def body(**changes: object) -> dict[str, object]:
    return {"project_id": P, "filename": "new", "content": "x", "saga_id": "s1"} | changes


@pytest.mark.parametrize("token", ["none", "garbage", "expired", "other secret", "unknown issuer"])
def test_without_a_valid_token_there_is_no_answer_and_no_effect(wire: Wire, token: str) -> None:
    ring = KeyRing.parse("k1:" + "t" * 32)
    tokens = {
        "none": {},
        "garbage": {INTERNAL_TOKEN: "x.y.z"},
        "expired": {INTERNAL_TOKEN: TokenMinter(MINTER.keys, "backend", clock=lambda: 1e9).mint("u", P)},
        "other secret": {INTERNAL_TOKEN: TokenMinter(ring, "backend").mint("u", P)},
        "unknown issuer": {INTERNAL_TOKEN: TokenMinter(MINTER.keys, "stranger").mint("u", P)},
    }
    before = wire.report("s1").get_json()
    for method, path in CALLS:
        answer = wire.client.open(path, method=method, headers=tokens[token] | {"X-Saga-Id": "s1"}, json=body())
        assert (answer.status_code, answer.get_json()["type"]) == (401, "unauthorized"), path
    assert (on_disk(wire.data), wire.report("s1").get_json()) == ({"a": b"old", "s": b"pending"}, before)


def test_a_good_token_of_another_project_is_403(wire: Wire) -> None:
    batch = {"saga_id": "s1", "files": [{"filename": "n", "content": "x"}]}
    for method, path in CALLS:
        sent = batch if path.startswith("/files") else body()
        answer = wire.client.open(path, method=method, headers=headers("other", "s1"), json=sent)
        assert (answer.status_code, answer.get_json()["type"]) == (403, "forbidden"), path
    assert on_disk(wire.data) == {"a": b"old", "s": b"pending"}


def test_tokens_of_both_keys_work_while_one_is_rotated_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.integration.filesystem_wire.KEYS", f"k2:{'n' * 32},{KEYS}")
    wire = Wire.of(tmp_path)
    for keys in (KEYS, f"k2:{'n' * 32}"):
        token = TokenMinter(KeyRing.parse(keys), "git_server").mint("u", P)
        assert wire.client.get(f"/files/{P}", headers={INTERNAL_TOKEN: token}).status_code == 200
    wire.store.close()


@pytest.mark.parametrize("keys", [None, "", "k1:short", "s" * 40])
def test_the_server_does_not_start_on_a_weak_secret(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, keys: str | None
) -> None:
    from filesystem_server.app import create_app

    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    monkeypatch.delenv("INTERNAL_TOKEN_KEYS", raising=False)
    if keys is not None:
        monkeypatch.setenv("INTERNAL_TOKEN_KEYS", keys)
    with pytest.raises(SettingsError, match="INTERNAL_TOKEN_KEYS") as refused:
        create_app()
    assert keys in (None, "") or keys not in str(refused.value)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"filename": "../x"}, "filename"),
        ({"filename": 3}, "filename"),
        ({"filename": None}, "filename"),
        ({"filename": ["a"]}, "filename"),
        ({"content": 3}, "content"),
        ({"content": None}, "content"),
        ({"project_id": "../p"}, "project_id"),
        ({"project_id": ".saga"}, "project_id"),
        ({"saga_id": "a/b"}, "saga_id"),
        ({"saga_id": ""}, "saga_id"),
        ({"sagaid": "s1"}, "sagaid"),
        ({"content": "\ud800"}, "body"),
    ],
)
def test_bad_fields_are_named(wire: Wire, changes: dict[str, object], field: str) -> None:
    answer = wire.call("POST", "/save_file", json=body(**changes))
    assert answer.status_code == 400
    assert field in [row["field"] for row in answer.get_json()["errors"]]
    assert on_disk(wire.data) == {"a": b"old", "s": b"pending"}


@pytest.mark.parametrize(
    ("data", "content_type", "status"),
    [
        (b"", "application/json", 400),
        (b"{", "application/json", 400),
        (b"[]", "application/json", 400),
        (b"NaN", "application/json", 400),
        (b"\xff\xfe{}", "application/json", 400),
        (b'{"a":' * 5000 + b"1" + b"}" * 5000, "application/json", 400),
        (b"[" * 200_000, "application/json", 400),
        (json.dumps(body()).encode(), "text/plain", 415),
        (json.dumps(body()).encode(), "application/x-www-form-urlencoded", 415),
        (b" " * (33 * 1024 * 1024), "application/json", 413),
        (
            json.dumps({"files": [{"filename": str(n), "content": ""} for n in range(5001)]}).encode(),
            "application/json",
            400,
        ),
    ],
)
def test_bad_bodies_are_refused(wire: Wire, data: bytes, content_type: str, status: int) -> None:
    for path in ("/save_file", f"/files/{P}"):
        answer = wire.call("POST", path, data=data, content_type=content_type)
        assert (answer.status_code, answer.content_type) == (status, "application/problem+json")
    assert on_disk(wire.data) == {"a": b"old", "s": b"pending"}


@pytest.mark.parametrize("header", ["X-Saga-Id", "Idempotency-Key"])
def test_bad_headers_are_named(wire: Wire, header: str) -> None:
    answer = wire.call("DELETE", f"/file/{P}/a", headers={header: "a b"})
    assert answer.status_code == 400 and answer.get_json()["errors"][0]["field"] == header
    assert on_disk(wire.data)["a"] == b"old"


@pytest.mark.parametrize(
    "path",
    [
        "../x",
        "..%2fx",
        "%2e%2e/x",
        "%252e%252e%252fx",
        "a%00",
        "a%5c..%5cx",
        "/etc/passwd",
        "%2fetc%2fpasswd",
        "%ff",
        ".saga%2fjournal.sqlite3",
    ],
)
def test_no_path_leads_out(wire: Wire, path: str) -> None:
    for method in ("GET", "DELETE"):
        answer = wire.call(method, f"/file/{P}/{path}")
        assert answer.status_code in (400, 404) and answer.content_type == "application/problem+json"


def test_a_symbolic_link_is_never_followed(wire: Wire, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret").write_text("secret")
    (wire.data / P / "dir").symlink_to(outside)
    (wire.data / P / "file").symlink_to(outside / "secret")
    (wire.data / "linked").symlink_to(outside)
    for name in ("dir/secret", "file"):
        for answer in (wire.read(name), wire.save(name, "x"), wire.save(name, "x", "s2"), wire.delete(name)):
            assert answer.status_code == 400 and answer.get_json()["errors"][0]["field"] == "filename"
    wire.project = "linked"
    assert wire.read("secret").status_code == 400
    assert wire.save("secret", "x").status_code == 400
    assert wire.listing() == {}
    wire.project = P
    assert set(wire.listing()) == {"a", "s"}
    assert (outside / "secret").read_text() == "secret"
    assert list(outside.iterdir()) == [outside / "secret"]


def test_a_pipe_does_not_hang_the_server(wire: Wire) -> None:
    os.mkfifo(wire.data / P / "pipe")
    assert wire.read("pipe").status_code == 404
    assert wire.save("pipe", "x").status_code == 409


@pytest.mark.parametrize(("code", "status"), [("ENOSPC", 507), ("EDQUOT", 507), ("EROFS", 503), ("EIO", 503)])
@pytest.mark.parametrize("function", ["open", "mkdir"])
def test_an_error_before_the_commit_leaves_nothing(
    wire: Wire, monkeypatch: pytest.MonkeyPatch, function: str, code: str, status: int
) -> None:
    real = getattr(os, function)

    def failing(path: object, *rest: object, **options: object) -> object:
        if function == "mkdir" or (rest and isinstance(rest[0], int) and rest[0] & os.O_CREAT):
            raise OSError(getattr(errno, code), code)
        return real(path, *rest, **options)

    monkeypatch.setattr(os, function, failing)
    answers = [wire.batch({"b": "1", "c/d": "2"}, "s2"), wire.save("c/d", "x")]
    monkeypatch.undo()
    assert [(answer.status_code, answer.content_type) for answer in answers] == [
        (status, "application/problem+json")
    ] * 2
    assert on_disk(wire.data) == {"a": b"old", "s": b"pending"}
    assert wire.report("s2").status_code == 404
    assert wire.batch({"b": "1", "c/d": "2"}, "s2").status_code == 201


@pytest.mark.parametrize("function", ["rename", "fsync", "unlink"])
def test_an_error_after_the_commit_is_mended_by_the_next_call(
    wire: Wire, monkeypatch: pytest.MonkeyPatch, function: str
) -> None:
    def failing(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "no space")

    monkeypatch.setattr(os, function, failing)
    unclear = wire.delete("a") if function == "unlink" else wire.save("a", "new")
    assert unclear.status_code == 507
    monkeypatch.undo()
    assert set(wire.listing()) == ({"s"} if function == "unlink" else {"a", "s"})
    assert on_disk(wire.data) == {"s": b"pending"} | ({} if function == "unlink" else {"a": b"new"})
    wire.confirm("s1")
    assert leftovers(wire.data) == []


def test_a_read_only_database_is_a_503(wire: Wire) -> None:
    wire.store._disk.database.execute("PRAGMA query_only = 1")
    assert wire.save("b", "x").status_code == 503
    assert wire.undo_all("s1").status_code == 503
    wire.store._disk.database.execute("PRAGMA query_only = 0")
    assert on_disk(wire.data) == {"a": b"old", "s": b"pending"}
    assert wire.undo_all("s1").status_code == 204


@pytest.mark.parametrize("free", range(7))
def test_running_out_of_file_descriptors_is_a_503_without_effect(wire: Wire, free: int) -> None:
    files = {f"d{free}/{number}": "x" for number in range(10)}
    with few_descriptors(free):
        answer = wire.batch(files, "s2")
        read = wire.read("a")
    assert answer.status_code in (201, 503) and read.status_code in (200, 503)
    done = on_disk(wire.data).keys() - {"a", "s"}
    assert done == (set(files) if answer.status_code == 201 else set())
    assert free > 1 or answer.status_code == 503
    assert wire.batch(files, "s2").status_code == 201


SMALL_DISK = ["unshare", "-rm", "sh", "-c", "mount -t tmpfs -o size=64k none /mnt"]


@pytest.mark.skipif(
    shutil.which("unshare") is None or subprocess.run(SMALL_DISK, capture_output=True, check=False).returncode != 0,
    reason="needs a mount namespace for a small disk",
)
def test_a_full_disk_is_a_507_and_what_was_answered_stays(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    mount = f"mount -t tmpfs -o size=2m none {data} &&"
    with serving(data, limits=mount, wrapper=["unshare", "-rm"]) as server, requests.Session() as session:
        session.headers[INTERNAL_TOKEN] = MINTER.mint("u", P)
        answers: dict[str, int] = {}
        for number in range(60):
            rows = [{"filename": f"{number}/{part}", "content": "x" * 20_000} for part in range(5)]
            sent = {"saga_id": f"s{number}", "files": rows}
            answers[f"s{number}"] = session.post(f"{server.url}/files/{P}", json=sent, timeout=10).status_code
        assert set(answers.values()) == {201, 507}, "the disk must have become full, and nothing else gone wrong"
        listed = {row["filename"] for row in session.get(f"{server.url}/files/{P}", timeout=10).json()["files"]}
        full = {f"{saga[1:]}/{part}" for saga, status in answers.items() if status == 201 for part in range(5)}
        assert listed == full
        assert "Traceback" not in server.log()
