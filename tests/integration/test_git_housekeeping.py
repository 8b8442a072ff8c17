"""What git_server clears away by itself, and what it never does: old records, undone objects, many packs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.git_support import (
    PROJECT,
    FakeFiles,
    assert_sound,
    body,
    fake_filesystem,
    git,
    make_app,
    snap,
    token,
)


@pytest.fixture
def files() -> Iterator[FakeFiles]:
    with fake_filesystem() as fake:
        yield fake


def test_old_records_of_closed_sagas_are_forgotten_and_open_ones_never(files: FakeFiles, tmp_path: Path) -> None:
    app = make_app(tmp_path, files.url)
    headers = {"X-INTERNAL-TOKEN": token()}
    client = app.test_client()
    client.post(f"/snapshot/{PROJECT}", json=body(saga_id="closed", files=files.put({"a": b"1"})), headers=headers)
    client.post("/saga/closed/confirm", headers=headers)
    client.post(f"/snapshot/{PROJECT}", json=body(saga_id="open", files=files.put({"a": b"2"})), headers=headers)
    later = make_app(tmp_path, files.url, barrier_retention=1e-6).test_client()
    assert later.get("/saga/closed", headers=headers).status_code == 404
    assert later.get("/saga/open", headers=headers).json["state"] == "open"
    assert later.get(f"/snapshot/{PROJECT}/{snap('closed')}", headers=headers).status_code == 200


def test_undone_objects_go_after_the_grace(files: FakeFiles, tmp_path: Path) -> None:
    headers = {"X-INTERNAL-TOKEN": token(), "X-Saga-Id": "s"}
    client = make_app(tmp_path, files.url).test_client()
    sent = body(files=files.put({"a": b"1"}))
    commit = client.post(f"/snapshot/{PROJECT}", json=sent, headers=headers).json["commit"]
    client.delete(f"/snapshot/{PROJECT}/{snap('s')}", headers=headers)
    repository = tmp_path / f"{PROJECT}.git"
    assert git(repository, "cat-file", "-t", commit) == "commit"
    make_app(tmp_path, files.url, prune_grace=0)
    assert git(repository, "count-objects", "-v").startswith("count: 0\nsize: 0\nin-pack: 0")
    assert not (repository / "garbage").exists()


def test_a_project_with_many_snapshots_is_repacked(
    files: FakeFiles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("git_server.repository.MANY_PACKS", 8)
    headers = {"X-INTERNAL-TOKEN": token()}
    client = make_app(tmp_path, files.url).test_client()
    for number in range(11):
        sent = body(saga_id=f"s{number}", files=files.put({"a": str(number).encode()}))
        assert client.post(f"/snapshot/{PROJECT}", json=sent, headers=headers).status_code == 201
        assert client.post(f"/saga/s{number}/confirm", headers=headers).status_code == 200
    assert len(list((tmp_path / f"{PROJECT}.git" / "objects" / "pack").glob("*.pack"))) < 5
    assert_sound(tmp_path)
    first = client.get(f"/snapshot/{PROJECT}?limit=8", headers=headers).json
    second = client.get(f"/snapshot/{PROJECT}?limit=8&offset={first['next_offset']}", headers=headers).json
    assert [row["saga_id"] for row in first["snapshots"] + second["snapshots"]] == [f"s{i}" for i in range(10, -1, -1)]
    assert second["next_offset"] is None
