"""A model of git_server against the real one: repeats, reorderings, late calls, many sagas, dead workers."""

from __future__ import annotations

import io
import os
import shutil
import tempfile
from collections import Counter
from pathlib import Path

import pytest
import requests
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from requests.adapters import BaseAdapter

from git_server.store import SnapshotStore
from tests.integration.git_model import GitModel, Wanted, wanted
from tests.integration.git_support import PROJECT, assert_sound, main_of, snap, tree_of
from tests.integration.git_wire import GitWire, answer_of

SAGAS = st.sampled_from([f"s{number}" for number in range(8)])
REACHED: Counter[str] = Counter()  # what the runs came through, as "call on state: answer"
CONTENTS = st.sampled_from([{"a.md": b"1"}, {"a.md": b"2", "b/c.md": b"3"}, {"b/c.md": b"4"}])


class Files(BaseAdapter):
    """filesystem_server as a dictionary."""

    def __init__(self) -> None:
        super().__init__()
        self.contents: dict[str, bytes] = {}
        self.away = False

    def send(self, request: requests.PreparedRequest, **_: object) -> requests.Response:
        if self.away:
            raise requests.ConnectionError
        found = self.contents.get((request.path_url).removeprefix(f"/file/{PROJECT}/"))
        response = requests.Response()
        response.status_code = 404 if found is None else 200
        response.raw = io.BytesIO(found or b"")
        return response

    def close(self) -> None:
        pass


class GitServer(RuleBasedStateMachine):
    """One git_server, its model, and files that come and go."""

    @initialize()
    def start(self) -> None:
        self.data = Path(tempfile.mkdtemp(prefix="git-model-"))
        self.files = Files()
        self.model = GitModel()
        self.wire = GitWire.of(self.data, self.files, PROJECT)

    def teardown(self) -> None:
        if hasattr(self, "data"):
            shutil.rmtree(self.data)

    @rule(saga=SAGAS, contents=CONTENTS, trouble=st.sampled_from(["", "", "", "gone", "changed", "away"]))
    def act(self, saga: str, contents: dict[str, bytes], trouble: str) -> None:
        self.files.contents = dict(contents)
        self.files.away = trouble == "away"
        if trouble == "gone":
            self.files.contents.pop("b/c.md", None) or self.files.contents.clear()
        if trouble == "changed":
            self.files.contents = dict.fromkeys(contents, b"changed")
        self.post(saga, wanted(contents))

    def post(self, saga: str, asked: Wanted) -> None:
        before = self.model.state(saga)
        expected = self.model.snapshot(saga, asked, self.files.contents, 0 if self.files.away else None)
        status, found = answer_of(self.wire.snapshot(saga, asked))
        REACHED[f"act on {before}: {status} {found if status != 201 else ''}"] += 1
        if expected is None:
            assert status == 201 and isinstance(found, dict), found
            assert (found["snapshot_id"], found["files"]) == (snap(saga), len(asked))
            self.model.made(saga, asked, found, found["commit"])
        else:
            assert (status, found) == expected

    @rule(saga=SAGAS)
    def undo(self, saga: str) -> None:
        REACHED[f"undo of {self.model.state(saga)}"] += 1
        expected = self.model.undo(saga)
        assert answer_of(self.wire.undo(saga)) == expected

    @rule(saga=SAGAS)
    def confirm(self, saga: str) -> None:
        REACHED[f"confirm of {self.model.state(saga)}"] += 1
        expected = self.model.confirm(saga)
        assert answer_of(self.wire.confirm(saga)) == expected

    @precondition(lambda self: self.model.holder() is not None)
    @rule(how=st.sampled_from(["undo", "undo", "confirm", "repeat"]))
    def go_on_with_the_open_saga(self, how: str) -> None:
        saga = self.model.holder()
        assert saga is not None
        if how == "undo":
            self.undo(saga)
        elif how == "confirm":
            self.confirm(saga)
        else:
            asked = self.model.sagas[saga].asked
            assert asked is not None
            self.post(saga, asked)

    @rule()
    def restart(self) -> None:
        self.wire = self.wire.again()

    @rule(saga=SAGAS, contents=CONTENTS)
    def act_and_die_after_the_point_of_no_return(self, saga: str, contents: dict[str, bytes]) -> None:
        apply, SnapshotStore._apply = SnapshotStore._apply, lambda *_: None  # type: ignore[method-assign,assignment]
        try:
            self.act(saga, contents, "")
        finally:
            SnapshotStore._apply = apply  # type: ignore[method-assign]
        self.wire.listing()  # whoever comes next, a reader too, applies what was decided

    @rule(saga=SAGAS)
    def ask(self, saga: str) -> None:
        answer = self.wire.report(saga)
        if self.model.state(saga) is None:
            assert answer.status_code == 404
        else:
            assert answer.get_json()["state"] == self.model.state(saga)

    @rule()
    def list_all(self) -> None:
        answer = self.wire.listing()
        assert [row["commit"] for row in reversed(answer.get_json()["snapshots"])] == self.model.history
        assert answer.headers.get("X-Saga-Pending") == self.model.holder()

    @invariant()
    def main_is_as_in_the_model(self) -> None:
        if hasattr(self, "data"):
            assert main_of(self.data) == (self.model.history[-1] if self.model.history else None)

    @rule()
    def check(self) -> None:
        assert_sound(self.data)
        for commit in self.model.history:
            assert tree_of(self.data, commit) == self.model.trees[commit]


def run(examples: int, *, derandomize: bool) -> None:
    REACHED.clear()
    run_state_machine_as_test(
        GitServer,
        settings=settings(
            max_examples=examples,
            stateful_step_count=25,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            derandomize=derandomize,
            phases=[Phase.generate],  # to shrink a failure takes minutes here; add Phase.shrink when there is one
        ),
    )
    print(sum(REACHED.values()), "calls:", dict(REACHED))
    # A model that never gets anywhere agrees with everything.
    for much in ("act on None: 201 ", "act on undone: 409 saga-compensated", "act on None: 409 locked", "undo of open"):
        assert REACHED[much] >= max(1, examples / 8)


def test_the_model_and_the_server_agree() -> None:
    run(12, derandomize=True)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_the_model_and_the_server_agree_for_long() -> None:
    run(int(os.environ.get("MODEL_EXAMPLES", "150")), derandomize=False)
