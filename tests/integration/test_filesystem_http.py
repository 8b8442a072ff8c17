"""The wire contract of filesystem_server, call by call."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from werkzeug.test import TestResponse

from filesystem_server.records import Writer
from filesystem_server.store import Store
from service_kit.barrier import Branch
from service_kit.problems import NotFound
from tests.integration.filesystem_story import P, leftovers, on_disk
from tests.integration.filesystem_wire import Wire, sha


@pytest.fixture
def wire(tmp_path: Path) -> Iterator[Wire]:
    wire = Wire.of(tmp_path / "data")
    yield wire
    wire.store.close()


def problem(answer: TestResponse, status: int, word: str, field: str | None = None) -> None:
    assert (answer.status_code, answer.content_type) == (status, "application/problem+json"), answer.get_data()
    assert answer.get_json()["type"] == word
    if field is not None:
        assert field in [row["field"] for row in answer.get_json()["errors"]]


def test_a_save_answers_what_it_saved_and_what_it_replaced(wire: Wire) -> None:
    first = wire.save("docs/a.md", "one")
    assert first.status_code == 201
    expected = {"project_id": P, "filename": "docs/a.md", "sha256": sha("one"), "size": 3, "replaced": None}
    assert first.get_json() == expected
    assert wire.save("docs/a.md", "zwei").get_json()["replaced"] == sha("one")
    assert on_disk(wire.data) == {"docs/a.md": b"zwei"}


def test_the_alias_is_the_same_call(wire: Wire) -> None:
    body = {"project_id": P, "filename": "a", "content": "x", "saga_id": "s1"}
    assert wire.call("POST", "/file", json=body).status_code == 201
    assert wire.call("POST", "/save_file", json=body).get_json()["replaced"] is None
    assert wire.report("s1").get_json()["state"] == "open"


def test_a_read_shows_bytes_etag_and_the_pending_saga(wire: Wire) -> None:
    wire.save("ä/b c.md", "größe", "s1")
    answer = wire.read("%C3%A4/b%20c.md")
    assert answer.get_data() == "größe".encode()
    assert answer.headers["ETag"] == f'"{sha("größe")}"'
    assert answer.headers["X-Saga-Pending"] == "s1"
    wire.confirm("s1")
    assert "X-Saga-Pending" not in wire.read("%C3%A4/b%20c.md").headers


def test_a_read_with_the_known_etag_is_not_sent_again(wire: Wire) -> None:
    wire.save("a", "x")
    unchanged = wire.read("a", headers={"If-None-Match": f'"{sha("x")}"'})
    assert (unchanged.status_code, unchanged.get_data()) == (304, b"")
    assert wire.read("a", headers={"If-None-Match": f'"{sha("y")}"'}).status_code == 200


def test_a_repeated_action_is_answered_as_the_first_time(wire: Wire) -> None:
    wire.save("a", "old")
    first = wire.save("a", "new", "s1", "s1:5:a")
    again = wire.save("a", "new", "s1", "s1:5:a")
    assert (first.status_code, first.get_json()) == (again.status_code, again.get_json())
    wire.confirm("s1")
    wire.save("a", "newer")
    assert wire.save("a", "new", "s1").get_json() == first.get_json()
    assert wire.read("a").get_data() == b"newer"


def test_a_repeated_batch_is_answered_as_the_first_time_and_takes_what_is_new(wire: Wire) -> None:
    first = wire.batch({"a": "1", "b": "2"}, "s1", "s1:5")
    assert wire.batch({"a": "1", "b": "2"}, "s1", "s1:5").get_json() == first.get_json()
    more = wire.batch({"b": "2", "c": "3"}, "s1")
    assert [row["filename"] for row in more.get_json()["files"]] == ["b", "c"]
    assert set(on_disk(wire.data)) == {"a", "b", "c"}


def test_the_same_key_with_another_content_conflicts(wire: Wire) -> None:
    wire.save("a", "x", "s1", "k1")
    problem(wire.save("a", "y", "s1"), 409, "conflict")
    problem(wire.save("b", "x", "s1", "k1"), 409, "conflict")
    problem(wire.batch({"a": "x", "b": "x"}, "s1", "k1"), 409, "conflict")
    assert on_disk(wire.data) == {"a": b"x"}


def test_plain_writes_with_a_key_are_done_once(wire: Wire) -> None:
    first = wire.save("a", "1", key="k1")
    wire.save("a", "2")
    assert wire.save("a", "1", key="k1").get_json() == first.get_json()
    assert wire.read("a").get_data() == b"2"
    problem(wire.save("a", "3", key="k1"), 409, "conflict")
    assert [wire.delete("a", key="k2").status_code for _ in range(2)] == [204, 204]
    problem(wire.delete("a"), 404, "not-found")


def test_undo_of_one_file_brings_the_old_bytes_back(wire: Wire) -> None:
    wire.save("a", "old")
    wire.batch({"a": "new", "b/c": "new"}, "s1")
    assert [wire.undo("a", "s1").status_code for _ in range(2)] == [204, 204]
    assert on_disk(wire.data) == {"a": b"old", "b/c": b"new"}
    problem(wire.save("a", "new", "s1"), 409, "saga-compensated")
    assert wire.save("a", "someone else", "s2").status_code == 201


def test_undo_of_the_whole_saga_brings_all_back_and_leaves_no_folder(wire: Wire) -> None:
    wire.save("a", "old")
    wire.batch({"a": "new", "b/c/d": "new", "b/e": "new"}, "s1")
    assert wire.undo_all("s1").status_code == 204
    assert on_disk(wire.data) == {"a": b"old"}
    assert not (wire.data / P / "b").exists()
    assert leftovers(wire.data) == []
    for late in (wire.save("a", "new", "s1"), wire.save("never-seen", "x", "s1"), wire.batch({"z": "x"}, "s1")):
        problem(late, 409, "saga-compensated")


def test_an_empty_compensation_blocks_its_action_for_ever(wire: Wire) -> None:
    assert wire.undo("a", "s1").status_code == 204
    problem(wire.save("a", "late", "s1"), 409, "saga-compensated")
    assert wire.save("b", "x", "s1").status_code == 201
    assert wire.undo_all("s2").status_code == 204
    problem(wire.batch({"a": "late"}, "s2"), 409, "saga-compensated")


def test_another_sagas_write_to_a_pending_file_is_refused_by_name(wire: Wire) -> None:
    wire.save("a", "mine", "s1")
    for refused in (
        wire.save("a", "x", "s2"),
        wire.batch({"z": "x", "a": "x"}, "s2"),
        wire.save("a", "x"),
        wire.delete("a"),
    ):
        problem(refused, 409, "locked")
        assert refused.get_json()["holder"] == "s1"
    assert on_disk(wire.data) == {"a": b"mine"}
    wire.undo_all("s1")
    assert wire.batch({"z": "x", "a": "x"}, "s2").status_code == 201


def test_locks_and_undo_data_outlive_a_restart(wire: Wire) -> None:
    wire.save("a", "old")
    wire.save("a", "new", "s1")
    again = Wire.of(wire.data)
    assert again.listing()["a"]["pending"] == "s1"
    problem(again.save("a", "x", "s2"), 409, "locked")
    again.undo_all("s1")
    assert on_disk(wire.data) == {"a": b"old"}
    again.store.close()


def test_confirm_is_final_and_idempotent(wire: Wire) -> None:
    wire.save("a", "old")
    wire.save("a", "new", "s1")
    assert [wire.confirm("s1").get_json() for _ in range(2)] == [{"saga_id": "s1", "confirmed": [P]}] * 2
    assert leftovers(wire.data) == []
    problem(wire.undo("a", "s1"), 409, "conflict")
    problem(wire.undo_all("s1"), 409, "conflict")
    problem(wire.save("b", "x", "s1"), 409, "conflict")
    assert on_disk(wire.data) == {"a": b"new"}


def test_confirm_of_an_unknown_saga_succeeds_without_effect(wire: Wire) -> None:
    assert wire.confirm("nobody").get_json() == {"saga_id": "nobody", "confirmed": []}
    problem(wire.report("nobody"), 404, "not-found")


def test_confirm_of_an_undone_saga_is_refused(wire: Wire) -> None:
    wire.save("a", "x", "s1")
    wire.undo_all("s1")
    problem(wire.confirm("s1"), 409, "saga-compensated")


def test_the_report_says_what_was_written_and_what_it_replaced(wire: Wire) -> None:
    wire.save("a", "old")
    wire.batch({"a": "new", "b": "newer"}, "s1")
    wire.undo("b", "s1")
    report = wire.report("s1").get_json()
    assert (report["saga_id"], report["project"], report["state"]) == ("s1", P, "open")
    assert report["items"] == [
        {"filename": "a", "sha256": sha("new"), "size": 3, "replaced": sha("old"), "state": "done"},
        {"filename": "b", "sha256": sha("newer"), "size": 5, "replaced": None, "state": "undone"},
    ]
    wire.undo("a", "s1")
    assert wire.report("s1").get_json()["state"] == "undone"


def test_a_saga_in_two_projects_is_two_branches(wire: Wire) -> None:
    wire.save("a", "x", "s1")
    wire.project = "other"
    wire.save("a", "x", "s1")
    wire.undo_all("s1")
    assert wire.report("s1").get_json()["state"] == "undone"
    wire.project = "*"
    problem(wire.report("s1"), 409, "conflict", "project")
    assert wire.call("GET", f"/saga/s1?project={P}").get_json()["state"] == "open"


def test_the_listing_is_paged_in_order(wire: Wire) -> None:
    files = {f"f{number}/x": str(number) for number in range(7)}
    wire.batch(files, "s1")
    seen, after = [], ""
    while after is not None:
        page = wire.call("GET", f"/files/{P}?limit=3&after={after}").get_json()
        seen += [row["filename"] for row in page["files"]]
        after = page["next"]
    assert seen == sorted(files)
    assert wire.listing()["f3/x"] == {"filename": "f3/x", "size": 1, "sha256": sha("3"), "pending": "s1"}
    assert wire.call("GET", "/files/proj?limit=0").status_code == 400


def test_plain_delete_removes_the_file_and_its_empty_folders(wire: Wire) -> None:
    wire.save("a/b/c", "x")
    assert wire.delete("a/b/c").status_code == 204
    problem(wire.delete("a/b/c"), 404, "not-found")
    problem(wire.read("a/b/c"), 404, "not-found")
    assert not (wire.data / P).exists()


def test_saga_in_body_and_header_must_agree(wire: Wire) -> None:
    body = {"project_id": P, "filename": "a", "content": "x", "saga_id": "s1"}
    problem(wire.call("POST", "/save_file", "s2", json=body), 400, "invalid-request", "saga_id")
    assert wire.call("POST", "/save_file", "s1", json=body).status_code == 201
    assert wire.listing()["a"]["pending"] == "s1"


def test_undoing_all_needs_to_know_whose(wire: Wire) -> None:
    problem(wire.call("DELETE", f"/files/{P}"), 400, "invalid-request", "X-Saga-Id")


def test_a_batch_is_all_or_nothing(wire: Wire) -> None:
    wire.save("dir/x", "x")
    problem(wire.batch({"a": "1", "dir": "2"}, "s1"), 409, "conflict", "filename")
    problem(wire.report("s1"), 404, "not-found")
    assert set(on_disk(wire.data)) == {"dir/x"}
    assert leftovers(wire.data) == []


def test_files_of_one_batch_must_stand_side_by_side(wire: Wire) -> None:
    problem(wire.batch({"a": "1", "b": "2", "A": "3"}, "s1"), 400, "invalid-request", "files.2.filename")
    rows = [{"filename": "same", "content": "1"}] * 2
    problem(wire.call("POST", f"/files/{P}", json={"files": rows}), 400, "invalid-request", "files.1.filename")


@pytest.mark.parametrize(("one", "other"), [("README.md", "readme.md"), ("é.md", "e\u0301.md"), ("Docs/a", "docs/b")])
def test_a_name_that_looks_like_an_existing_one_is_refused(wire: Wire, one: str, other: str) -> None:
    wire.save(one, "x")
    problem(wire.save(other, "y"), 409, "conflict", "filename")
    problem(wire.save(other, "y", "s1"), 409, "conflict", "filename")
    assert wire.save(one, "z").status_code == 201


def test_a_file_is_no_folder_and_a_folder_no_file(wire: Wire) -> None:
    wire.save("a/b", "x")
    problem(wire.save("a", "y"), 409, "conflict", "filename")
    problem(wire.save("a/b/c", "y"), 409, "conflict", "filename")
    problem(wire.read("a"), 404, "not-found")
    problem(wire.read("a/b/c"), 404, "not-found")
    problem(wire.delete("a"), 404, "not-found")


def test_the_collector_keeps_open_sagas_and_forgets_old_closed_ones(tmp_path: Path) -> None:
    now = [0.0]
    store = Store(tmp_path, keep_seconds=100, clock=lambda: now[0])
    for saga in ("open", "done", "undone"):
        store.save(P, {saga: b"x"}, Writer(saga, f"{saga}:1"))
    store.confirm(Branch("done", P))
    store.undo_all(Branch("undone", P))
    now[0] = 10_000.0
    store.save(P, {"late": b"x"}, Writer("late", None))
    store.confirm(Branch("late", P))
    assert store.report(Branch("open", P)).state == "open"
    for gone in ("done", "undone"):
        with pytest.raises(NotFound):
            store.report(Branch(gone, P))
    store.undo_all(Branch("open", P))
    assert set(on_disk(tmp_path)) == {"done", "late"}
    store.close()
