"""Several stores on one data folder, as several worker processes have it, at the same time."""

from __future__ import annotations

import os
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from filesystem_server.records import Writer
from filesystem_server.store import Store
from service_kit.barrier import Branch
from service_kit.problems import Locked, NotFound, SagaCompensated
from tests.integration.filesystem_story import WEEK, P, leftovers, on_disk


@pytest.fixture
def stores(tmp_path: Path) -> Iterator[list[Store]]:
    found = [Store(tmp_path, WEEK) for _ in range(3)]
    yield found
    for store in found:
        store.close()


def test_no_reader_sees_a_pending_file_without_its_mark(stores: list[Store]) -> None:
    writer, *readers = stores
    writer.save(P, {"a": b"plain", "b": b"plain"}, Writer())
    stop = threading.Event()
    seen = Counter[str]()

    def write() -> None:
        for number in range(150):
            saga = f"saga-{number}"
            writer.save(P, {"a": saga.encode(), "b": saga.encode()}, Writer(saga))
            writer.undo_all(Branch(saga, P))
        stop.set()

    def read(reader: Store) -> None:
        while not stop.is_set():
            content, holder = reader.read(P, "a")
            assert content.decode() == (holder or "plain")
            first, second = reader.page(P, "", 9).files
            assert (first.sha256, first.pending) == (second.sha256, second.pending), "half a batch"
            seen["pending" if holder else "plain"] += 1

    with ThreadPoolExecutor(3) as pool:
        done = [pool.submit(write), *(pool.submit(read, reader) for reader in readers)]
        for one in done:
            one.result()
    assert min(seen["pending"], seen["plain"]) > 0


def test_an_action_and_its_compensation_at_once_leave_nothing(stores: list[Store], tmp_path: Path) -> None:
    order = Counter[str]()
    with ThreadPoolExecutor(2) as pool:
        for number in range(60):
            branch = Branch(f"saga-{number}", P)
            start = threading.Barrier(2)

            def act(branch: Branch = branch, start: threading.Barrier = start) -> str:
                start.wait()
                try:
                    stores[0].save(P, {"a": b"x"}, Writer(branch.saga_id))
                except SagaCompensated:
                    return "blocked"
                return "undone"

            def undo(branch: Branch = branch, start: threading.Barrier = start) -> None:
                start.wait()
                stores[1].undo(branch, "a")

            acted, _ = pool.submit(act), pool.submit(undo).result()
            order[acted.result()] += 1
            assert on_disk(tmp_path) == {}
            with pytest.raises(SagaCompensated):
                stores[2].save(P, {"a": b"x"}, Writer(branch.saga_id))
    assert leftovers(tmp_path) == []
    print(dict(order))


def test_of_many_sagas_that_want_a_file_one_gets_it(stores: list[Store], tmp_path: Path) -> None:
    start = threading.Barrier(6)

    def want(number: int) -> str:
        start.wait()
        try:
            stores[number % 3].save(
                P, {f"own-{number}": b"x", "shared": str(number).encode()}, Writer(f"saga-{number}")
            )
        except Locked as refused:
            return str(refused.extra["holder"])
        return f"saga-{number}"

    with ThreadPoolExecutor(6) as pool:
        winners = set(pool.map(want, range(6)))
    assert len(winners) == 1, "everybody was told the same holder"
    number = winners.pop().removeprefix("saga-")
    assert on_disk(tmp_path) == {f"own-{number}": b"x", "shared": number.encode()}


def test_the_same_call_at_once_is_done_once_and_answered_alike(stores: list[Store]) -> None:
    stores[0].save(P, {"a": b"old"}, Writer())
    start = threading.Barrier(3)

    def act(store: Store) -> object:
        start.wait()
        return store.save(P, {"a": b"new", "b": b"new"}, Writer("saga-1", "key-1"))

    with ThreadPoolExecutor(3) as pool:
        answers = list(pool.map(act, stores))
    assert answers[0] == answers[1] == answers[2]
    stores[1].undo_all(Branch("saga-1", P))
    assert stores[2].read(P, "a")[0] == b"old"
    with pytest.raises(NotFound):
        stores[2].read(P, "b")


def test_a_store_refuses_to_work_in_a_fork_of_its_process(
    stores: list[Store], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "getpid", lambda: 1)
    with pytest.raises(RuntimeError, match="before a fork"):
        stores[0].save(P, {"a": b"x"}, Writer())
    assert on_disk(tmp_path) == {}
