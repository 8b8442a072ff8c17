"""`WikiGenerationSaga` as a library, in the caller's process, against the two real servers and with plain headers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

import filesystem_server.app
import git_server.app
from backend.distributed_saga import DistributedSaga, Refused, Unclear, WikiGenerationSaga
from backend.saga.retry import RetryPolicy
from backend.saga_log import MemorySagaLog, open_saga_log
from backend.wiki.saga import CREATE_SNAPSHOT, SAVE_FILES
from service_kit.tokens import KeyRing, TokenMinter
from tests.integration.auditor_system import KEYS, serving

FILES = {"index.md": "# Index\n", "topics/a.md": "A ✓\n"}
PROJECT = "proj-123"


@pytest.fixture
def servers(tmp_path: Path) -> Iterator[tuple[str, str]]:
    files = filesystem_server.app.Settings(internal_token_keys=KEYS, data_dir=tmp_path / "files")
    with serving(filesystem_server.app.create_app(files)) as filesystem_url:
        git = git_server.app.Settings(
            internal_token_keys=KEYS, data_dir=tmp_path / "git", filesystem_url=filesystem_url
        )
        with serving(git_server.app.create_app(git)) as git_url:
            yield filesystem_url, git_url


@pytest.fixture
def headers() -> dict[str, str]:
    return {"X-INTERNAL-TOKEN": TokenMinter(KeyRing.parse(KEYS), "backend").mint("user-456", PROJECT)}


def a_saga(servers: tuple[str, str], headers: dict[str, str]) -> WikiGenerationSaga:
    return WikiGenerationSaga(
        project_id=PROJECT,
        user_id="user-456",
        filesystem_url=servers[0],
        git_url=servers[1],
        internal_headers=headers,
        log=open_saga_log("memory:"),
    )


class Killed(BaseException):
    """Ends whoever runs the saga, as -9 would."""


def test_a_generation_that_was_cut_off_is_brought_to_its_end_by_its_id(servers, headers, monkeypatch):
    monkeypatch.setattr("backend.distributed_saga.LEASE", 0.0)
    cut_off = a_saga(servers, headers)

    def die(*_: object) -> None:
        raise Killed

    monkeypatch.setattr(cut_off.participants.git, "create", die)
    with pytest.raises(Killed):
        cut_off.execute_with_consistency(FILES)
    assert names(servers, headers) == sorted(FILES)
    again = WikiGenerationSaga(PROJECT, "user-456", *servers, headers, saga_id=cut_off.saga_id, log=cut_off.log)
    assert again.execute_with_consistency(FILES)["saga_status"]["state"] == "rolled_back"
    assert names(servers, headers) == []
    assert [record.saga_id for record in again.log.find()] == [cut_off.saga_id]  # and it holds the project no longer


def refuse_snapshots(saga: WikiGenerationSaga) -> None:
    """Every attempt to make a snapshot goes where nothing is (404: a definite no); its undo does not."""
    session = saga.participants.git.link.session
    send = session.request

    def misdirected(method: str, url: str, **more: object) -> requests.Response:
        return send(method, url.replace("/snapshot/", "/nowhere/") if method == "POST" else url, **more)

    session.request = misdirected  # type: ignore[method-assign]


def names(servers: tuple[str, str], headers: dict[str, str]) -> list[str]:
    answer = requests.get(f"{servers[0]}/files/{PROJECT}", headers=headers, timeout=10).json()
    return [row["filename"] for row in answer["files"]]


def test_a_wiki_is_stored_and_the_result_has_the_promised_shape(servers, headers):
    saga = a_saga(servers, headers)
    result = saga.execute_with_consistency(FILES)
    assert result["status"] == "success"
    assert result["files_created"] == 2
    assert result["message"] == "Wiki generation completed"
    assert result["snapshot_id"].startswith("snap-")
    assert saga.get_status()["state"] == "committed"
    assert saga.saga_id.startswith("wiki-proj-123-")
    assert names(servers, headers) == sorted(FILES)


def test_a_refused_snapshot_leaves_nothing_and_says_so(servers, headers):
    saga = a_saga(servers, headers)
    refuse_snapshots(saga)
    result = saga.execute_with_consistency(FILES)
    status = result["saga_status"]
    assert (result["status"], status["failed_step"], status["completed_steps"]) == ("failed", CREATE_SNAPSHOT, 1)
    assert names(servers, headers) == []


def test_overwritten_files_come_back_byte_for_byte(servers, headers):
    a_saga(servers, headers).execute_with_consistency(FILES)
    failing = a_saga(servers, headers)
    refuse_snapshots(failing)
    failing.execute_with_consistency({"index.md": "overwritten", "new.md": "new"})
    assert names(servers, headers) == sorted(FILES)
    content = requests.get(f"{servers[0]}/file/{PROJECT}/index.md", headers=headers, timeout=10).content
    assert content == FILES["index.md"].encode()


def test_an_answer_that_is_lost_after_the_effect_is_undone_all_the_same(servers, headers):
    saga = a_saga(servers, headers)
    link = saga.participants.filesystem.link
    answered = link.session.request

    def losing_saves(method: str, url: str, **more: object) -> requests.Response:
        response = answered(method, url, **more)
        if method == "POST" and "/files/" in url:
            raise requests.ConnectionError("reset by peer")
        return response

    link.session.request = losing_saves  # type: ignore[method-assign]
    result = saga.execute_with_consistency(FILES)
    assert result["saga_status"]["failed_step"] == SAVE_FILES
    assert names(servers, headers) == []


def test_executing_the_same_saga_again_answers_as_the_first_time(servers, headers):
    saga = a_saga(servers, headers)
    first = saga.execute_with_consistency(FILES)
    assert saga.execute_with_consistency(FILES) == first


def test_a_project_id_that_cannot_be_a_folder_is_refused(servers, headers):
    with pytest.raises(ValueError, match="project_id"):
        WikiGenerationSaga("../etc", "u", *servers, headers)


def test_an_interrupt_rolls_back_and_is_passed_on():
    log = open_saga_log("memory:")
    done: list[str] = []

    def interrupted() -> None:
        raise KeyboardInterrupt

    saga = DistributedSaga("trip-1", log=log)
    saga.add_step("Reserve hotel", action=lambda: done.append("hotel"), compensation=lambda: done.remove("hotel"))
    saga.add_step("Reserve flight", action=interrupted, compensation=lambda: None)
    with pytest.raises(KeyboardInterrupt):
        saga.execute()
    assert done == []
    assert saga.get_status()["state"] == "rolled_back"


def test_a_crashed_saga_is_rolled_back_when_it_is_executed_again(tmp_path):
    url = f"sqlite:///{tmp_path}/log.sqlite3"
    done: list[str] = []

    def crash() -> None:
        raise SystemExit("power cut")

    def a_trip(flight):  # the process that comes after builds the same saga again
        saga = DistributedSaga("trip-1", log=open_saga_log(url))
        saga.add_step("Reserve hotel", action=lambda: done.append("hotel"), compensation=lambda: done.remove("hotel"))
        saga.add_step("Reserve flight", action=flight, compensation=lambda: None)
        return saga

    crashed = a_trip(crash)
    with pytest.raises(SystemExit):
        crashed.execute()
    holder = crashed.log.get("trip-1")
    crashed.log.release("trip-1", holder.fence, 0.0)  # its lease is over
    result = a_trip(lambda: done.append("flight")).execute()
    assert (result["status"], done) == ("failed", [])


class CountingLog(MemorySagaLog):
    """Notes which sagas are given back by a write of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.released: list[str] = []

    def release(self, saga_id: str, fence: int, wake_at: float) -> None:
        self.released.append(saga_id)
        super().release(saga_id, fence, wake_at)


def test_a_saga_that_came_to_its_end_is_given_back_without_a_write_more():
    log = CountingLog()
    saga = DistributedSaga("trip-4", log=log)
    saga.add_step("Reserve hotel", action=lambda: None, compensation=lambda: None)
    assert saga.execute()["status"] == "success"
    assert (log.released, log.get("trip-4").worker) == ([], None)


def test_a_parked_saga_is_given_back_so_that_it_can_be_executed_again():
    log, away = CountingLog(), [True]

    def refused() -> None:
        raise Refused("no room")

    def cancel() -> None:
        if away[0]:
            raise Unclear("nobody there")

    saga = DistributedSaga("trip-5", log=log)
    once = RetryPolicy(attempts=1)
    saga.add_step("Reserve hotel", action=refused, compensation=cancel, undo_retry=once)
    assert saga.execute()["error"] == "no room"
    assert (log.released, log.get("trip-5").worker) == (["trip-5"], None)
    away[0] = False
    assert saga.execute()["saga_status"]["state"] == "rolled_back"


def test_a_step_may_ask_for_its_context_and_for_patience():
    seen: list[tuple[str, int]] = []

    def reserve(context):
        seen.append((context.idempotency_key, context.attempt))
        if context.attempt < 3:
            raise TimeoutError("no answer")
        return "H-1"

    saga = DistributedSaga("trip-2", log=open_saga_log("memory:"))
    saga.add_step("Reserve hotel", action=reserve, compensation=lambda: None, retry=RetryPolicy(base=0.001))
    assert saga.execute()["results"] == {"Reserve hotel": "H-1"}
    assert seen == [("trip-2:Reserve hotel", number) for number in (1, 2, 3)]


def test_a_definite_no_of_ones_own_is_not_repeated():
    calls: list[int] = []

    def full() -> None:
        calls.append(1)
        raise Refused("no room")

    saga = DistributedSaga("trip-3", log=open_saga_log("memory:"))
    saga.add_step("Reserve hotel", action=full, compensation=lambda: None)
    assert saga.execute()["error"] == "no room"
    assert calls == [1]
