"""Many clients at once on several worker processes, undisturbed and with kill -9 all the time."""

from __future__ import annotations

import itertools
import os
import random
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import requests

from tests.integration.git_support import (
    DEADLINE,
    FakeFiles,
    Running,
    assert_sound,
    fake_filesystem,
    git,
    main_of,
    pages,
    snap,
    start,
    tree_of,
)

SECONDS = float(os.environ.get("KILL_SECONDS", "4"))


@pytest.fixture(scope="module")
def files() -> Iterator[FakeFiles]:
    with fake_filesystem() as fake:
        yield fake


@pytest.fixture(scope="module")
def server(files: FakeFiles, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    running = start(tmp_path_factory.mktemp("git"), files.url, workers=2)
    yield running
    running.stop()


def test_of_many_sagas_at_once_one_gets_the_project(server: Running, files: FakeFiles) -> None:
    wanted = files.put(pages(5), "many")
    for turn in range(3):
        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(lambda i, t=turn: server.snapshot(f"s{t}-{i}", wanted, "many"), range(8)))
        (winner,) = [answer.json() for answer in answers if answer.status_code == 201]
        losers = [answer.json() for answer in answers if answer.status_code != 201]
        holder = next(f"s{turn}-{i}" for i in range(8) if snap(f"s{turn}-{i}") == winner["snapshot_id"])
        assert [(loser["type"], loser["holder"]) for loser in losers] == [("locked", holder)] * 7
        server.confirm(holder, "many")
    assert git(server.data / "many.git", "rev-list", "--count", "main") == "3"


def test_an_action_repeated_at_once_has_one_effect_and_one_answer(server: Running, files: FakeFiles) -> None:
    wanted = files.put(pages(5), "same")
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: server.snapshot("same", wanted, "same"), range(8)))
    assert [answer.status_code for answer in answers] == [201] * 8
    assert {answer.text for answer in answers} == {answers[0].text}
    assert git(server.data / "same.git", "rev-list", "--count", "main") == "1"


def test_an_undo_that_races_its_action_wins_for_good(server: Running, files: FakeFiles) -> None:
    wanted = files.put(pages(5), "race")
    for turn in range(10):
        with ThreadPoolExecutor(2) as pool:
            act = pool.submit(server.snapshot, f"race-{turn}", wanted, "race")
            undo = pool.submit(server.undo, f"race-{turn}", "race")
        assert undo.result().status_code == 204
        assert act.result().status_code in (201, 409)
        assert main_of(server.data, "race") is None
    assert_sound(server.data, "race")


@dataclass
class Load:
    """Clients that each run sagas in a project of their own, and one project that all of them want."""

    files: FakeFiles
    server: Running
    until: float
    kept: dict[str, list[str]] = field(default_factory=dict)  # project -> confirmed sagas, in order
    calls: itertools.count[int] = field(default_factory=itertools.count)
    intended: dict[str, dict[str, str]] = field(default_factory=dict)

    def client(self, number: int) -> None:
        choose = random.Random(number)
        for turn in itertools.count():
            if time.monotonic() > self.until:
                return
            project = choose.choice([f"own-{number}", "shared"])
            self.saga(f"{project}-{number}-{turn}", project, choose)

    def saga(self, saga: str, project: str, choose: random.Random) -> None:
        # The names of the files are the saga's, because all sagas of the shared project write at once.
        contents = {f"{saga}/{name}": body for name, body in pages(3, saga).items()}
        self.intended[saga] = self.files.put(contents, project)
        try:
            next(self.calls)
            outcome = self.server.snapshot(saga, self.intended[saga], project).status_code
        except requests.RequestException:
            outcome = 0
        if outcome == 409:  # locked: a definite refusal without effect
            return
        if outcome == 201 and choose.random() < 0.6:
            self.persist(lambda: self.server.confirm(saga, project))
            self.kept.setdefault(project, []).append(saga)
        else:
            self.persist(lambda: self.server.undo(saga, project))

    def persist(self, call: Callable[[], requests.Response]) -> None:
        """Repeat until it succeeds, as a coordinator does."""
        deadline = time.monotonic() + DEADLINE
        while time.monotonic() < deadline:
            try:
                next(self.calls)
                answer = call()
            except requests.RequestException:
                continue
            if answer.ok:
                return
            assert answer.status_code >= 500, answer.text
        raise AssertionError("the server never came back")


def killer(server: Running, until: float, killed: list[int]) -> None:
    choose = random.Random(1)
    while time.monotonic() < until:
        victims = server.workers()
        if victims:
            os.kill(choose.choice(victims), signal.SIGKILL)
            killed.append(1)
        # Long enough for gunicorn to replace the worker and for some calls to get through.
        threading.Event().wait(choose.uniform(0.05, 0.6))


def test_kill_9_under_load_loses_nothing_and_leaves_nothing(files: FakeFiles, tmp_path: Path) -> None:
    server = start(tmp_path, files.url, workers=2)
    killed: list[int] = []
    load = Load(files, server, time.monotonic() + SECONDS)
    try:
        with ThreadPoolExecutor(7) as pool:
            done = [pool.submit(load.client, number) for number in range(6)]
            done.append(pool.submit(killer, server, load.until, killed))
        for result in done:
            result.result()
        print(f"{len(killed)} kills, {next(load.calls)} calls, {sum(map(len, load.kept.values()))} sagas confirmed")
        assert len(killed) >= 3
        for project, sagas in load.kept.items():
            assert_sound(tmp_path, project)
            listed = server.call("GET", f"/snapshot/{project}?limit=1000", project)
            assert "X-Saga-Pending" not in listed.headers
            assert {row["saga_id"] for row in listed.json()["snapshots"]} == set(sagas)
            for row in listed.json()["snapshots"]:
                assert tree_of(tmp_path, row["commit"], project) == load.intended[row["saga_id"]]
    finally:
        server.stop()
