"""git_server over real sockets: gunicorn, a real repository read back by git itself, and a filesystem on HTTP."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.integration.git_support import (
    PROJECT,
    FakeFiles,
    Running,
    assert_sound,
    fake_filesystem,
    main_of,
    pages,
    snap,
    start,
    token,
    tree_of,
)


@pytest.fixture(scope="module")
def files() -> Iterator[FakeFiles]:
    with fake_filesystem() as fake:
        yield fake


@pytest.fixture(scope="module")
def server(files: FakeFiles, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    running = start(tmp_path_factory.mktemp("git"), files.url, workers=2)
    yield running
    running.stop()


@pytest.fixture
def project(request: pytest.FixtureRequest) -> str:
    """A project of the test's own."""
    return request.node.name[:100].replace("[", "-").replace("]", "").replace("/", "-")


def test_a_snapshot_has_exactly_the_intended_files(server: Running, files: FakeFiles, project: str) -> None:
    wanted = files.put(pages(45) | {"ünïcödé/ö 1.md": b"x", "leer.md": b""}, project)
    made = server.snapshot("saga-1", wanted, project)
    assert made.status_code == 201, made.text
    assert made.json() == {"snapshot_id": snap("saga-1"), "commit": main_of(server.data, project), "files": 47}
    assert tree_of(server.data, made.json()["commit"], project) == wanted
    assert_sound(server.data, project)


def test_the_filesystem_is_asked_as_git_server_for_this_user_saga_and_trace(
    server: Running, files: FakeFiles, project: str
) -> None:
    files.seen.clear()
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    body = {"saga_id": "s", "message": "m", "files": files.put({"a.md": b"a"}, project)}
    assert server.call("POST", f"/snapshot/{project}", project, json=body, headers={"traceparent": trace}).ok
    (seen,) = files.seen
    assert seen["Traceparent"] == trace
    assert seen["X-Saga-Id"] == "s"
    assert seen["X-Internal-Token"] != token(project)


def test_undo_points_main_back_and_the_first_undo_leaves_no_branch(
    server: Running, files: FakeFiles, project: str
) -> None:
    first = server.snapshot("one", files.put({"a.md": b"1"}, project), project).json()["commit"]
    assert server.undo("one", project).status_code == 204
    assert main_of(server.data, project) is None
    second = server.snapshot("two", files.put({"a.md": b"2"}, project), project).json()["commit"]
    assert server.confirm("two", project).status_code == 200
    server.snapshot("three", files.put({"a.md": b"3"}, project), project)
    assert server.undo("three", project).status_code == 204
    assert server.undo("three", project).status_code == 204
    assert main_of(server.data, project) == second != first
    assert_sound(server.data, project)


def test_a_snapshot_that_arrives_after_its_undo_is_refused(server: Running, files: FakeFiles, project: str) -> None:
    assert server.undo("late", project).status_code == 204
    answer = server.snapshot("late", files.put({"a.md": b"1"}, project), project)
    assert (answer.status_code, answer.json()["type"]) == (409, "saga-compensated")
    assert main_of(server.data, project) is None


def test_an_open_snapshot_locks_the_project_and_confirm_ends_the_lock(
    server: Running, files: FakeFiles, project: str
) -> None:
    wanted = files.put({"a.md": b"1"}, project)
    commit = server.snapshot("holder", wanted, project).json()["commit"]
    refused = server.snapshot("other", wanted, project)
    assert (refused.status_code, refused.json()["type"], refused.json()["holder"]) == (409, "locked", "holder")
    listed = server.call("GET", f"/snapshot/{project}", project)
    assert listed.headers["X-Saga-Pending"] == "holder"
    assert listed.json()["snapshots"][0]["pending"] == "holder"
    assert server.confirm("holder", project).status_code == 200
    assert server.confirm("holder", project).status_code == 200
    assert server.snapshot("other", wanted, project).status_code == 201
    assert server.undo("holder", project).json()["type"] == "conflict"
    detail = server.call("GET", f"/snapshot/{project}/{snap('holder')}", project)
    assert "X-Saga-Pending" not in detail.headers
    assert (detail.json()["commit"], detail.json()["files"]) == (
        commit,
        [{"filename": "a.md", "size": 1, "sha256": wanted["a.md"]}],
    )


def test_a_repeat_is_answered_as_the_first_time_and_other_content_is_a_conflict(
    server: Running, files: FakeFiles, project: str
) -> None:
    wanted = files.put({"a.md": b"1", "b.md": b"2"}, project)
    first = server.snapshot("again", wanted, project)
    files.put({"a.md": b"changed since"}, project)
    repeat = server.snapshot("again", dict(reversed(wanted.items())), project)
    assert (repeat.status_code, repeat.json()) == (201, first.json())
    other = server.snapshot("again", files.put({"a.md": b"3"}, project), project)
    assert (other.status_code, other.json()["type"]) == (409, "conflict")


def test_the_same_files_parent_and_saga_give_the_same_commit(server: Running, files: FakeFiles, project: str) -> None:
    projects = [f"{project}-1", f"{project}-2"]
    commits = [server.snapshot("same", files.put(pages(9), p), p).json()["commit"] for p in projects]
    assert commits[0] == commits[1]
    dated = server.snapshot("x", files.put(pages(9), project), project, created_at=1_800_000_000).json()["snapshot_id"]
    assert server.call("GET", f"/snapshot/{project}/{dated}", project).json()["created_at"] == 1_800_000_000


@pytest.mark.parametrize("name", ["wrong", "gone"])
def test_a_file_that_is_not_as_intended_is_a_definite_refusal_without_effect(
    server: Running, files: FakeFiles, project: str, name: str
) -> None:
    wanted = files.put({"a.md": b"1", "wrong": b"2"}, project) | {"gone": "0" * 64}
    wanted["wrong"] = "0" * 64
    answer = server.snapshot(f"bad-{name}", {"a.md": wanted["a.md"], name: wanted[name]}, project)
    problem = {"wrong": "hash-mismatch", "gone": "file-missing"}[name]
    assert (answer.status_code, answer.json()["type"], answer.json()["filename"]) == (409, problem, name)
    assert main_of(server.data, project) is None
    assert server.call("GET", f"/saga/bad-{name}", project).status_code == 404


def test_what_is_known_of_a_saga(server: Running, files: FakeFiles, project: str) -> None:
    saga = f"saga-of-{project}"
    commit = server.snapshot(saga, files.put({"a.md": b"1"}, project), project).json()["commit"]
    assert server.call("GET", f"/saga/{saga}", project).json() == {
        "saga_id": saga,
        "project": project,
        "state": "open",
        "items": [{"snapshot_id": snap(saga), "commit": commit, "files": 1, "state": "done"}],
    }
    assert server.call("GET", f"/saga/{saga}", "another").status_code == 403
    server.undo(saga, project)
    assert server.call("GET", f"/saga/{saga}", project).json()["state"] == "undone"
    assert server.confirm(saga, project).json()["type"] == "saga-compensated"


def test_a_token_of_another_project_may_do_nothing(server: Running) -> None:
    assert server.call("GET", f"/snapshot/{PROJECT}", "another").status_code == 403
    assert server.call("GET", f"/snapshot/{PROJECT}", headers={"X-INTERNAL-TOKEN": "x"}).status_code == 401
