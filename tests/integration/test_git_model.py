"""A model of git_server against the real one: repeats, reorderings, late calls, many sagas, dead workers."""

from __future__ import annotations

import io
import shutil
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import requests
from flask.testing import FlaskClient
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
from werkzeug.test import TestResponse

from git_server.app import create_app
from git_server.settings import Settings
from git_server.store import SnapshotStore
from tests.integration.git_support import KEYS, assert_sound, main_of, sha, snap, token, tree_of

PROJECT = "proj-1"
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
    """The model: what each saga did, and the commits that main must have.

    ``trees`` maps each commit that was ever answered to its files. An entry of ``sagas`` is (state, body, answer).
    """

    @initialize()
    def start(self) -> None:
        self.data = Path(tempfile.mkdtemp(prefix="git-model-"))
        self.files = Files()
        self.sagas: dict[str, tuple[str, object, object]] = {}
        self.history: list[str] = []
        self.trees: dict[str, dict[str, str]] = {}
        self.open_client()

    def open_client(self) -> None:
        session = requests.Session()
        session.mount("http://", self.files)
        chosen = Settings(internal_token_keys=KEYS, data_dir=self.data, filesystem_url="http://files", prune_grace=0)
        self.client: FlaskClient = create_app(chosen, session).test_client()

    def teardown(self) -> None:
        if hasattr(self, "data"):
            shutil.rmtree(self.data)

    def call(self, method: str, path: str, **kwargs: object) -> TestResponse:
        headers = {"X-INTERNAL-TOKEN": token()} | kwargs.pop("headers", {})  # type: ignore[operator]
        return self.client.open(path, method=method, headers=headers, **kwargs)  # type: ignore[arg-type]

    def holder(self) -> str | None:
        return next((saga for saga, (state, *_) in self.sagas.items() if state == "open"), None)

    @rule(saga=SAGAS, contents=CONTENTS, trouble=st.sampled_from(["", "", "", "gone", "changed", "away"]))
    def act(self, saga: str, contents: dict[str, bytes], trouble: str) -> None:
        wanted = {name: sha(content) for name, content in contents.items()}
        self.files.contents = dict(contents)
        self.files.away = trouble == "away"
        if trouble == "gone":
            self.files.contents.pop("b/c.md", None) or self.files.contents.clear()
        if trouble == "changed":
            self.files.contents = dict.fromkeys(contents, b"changed")
        self.post({"saga_id": saga, "message": "m", "files": wanted}, trouble)

    def post(self, body: Any, trouble: str) -> None:
        saga, wanted = body["saga_id"], body["files"]
        answer = self.call("POST", f"/snapshot/{PROJECT}", json=body)
        state, first_body, first_answer = self.sagas.get(saga, (None, None, None))
        if state == "undone":
            expected: object = (409, "saga-compensated")
        elif state is not None:
            expected = (201, first_answer) if body == first_body else (409, "conflict")
        elif self.holder():
            expected = (409, "locked")
        elif trouble:
            expected = {
                "gone": (409, "file-missing"),
                "changed": (409, "hash-mismatch"),
                "away": (503, "filesystem-unavailable"),
            }[trouble]
        else:
            expected = (201, answer.json)
            assert answer.json is not None
            assert answer.json["snapshot_id"] == snap(saga)
            self.sagas[saga] = ("open", body, answer.json)
            self.history.append(answer.json["commit"])
            self.trees[answer.json["commit"]] = wanted
        assert answer.json is not None
        REACHED[f"act on {state}: {answer.status_code} {answer.json.get('type', '')}"] += 1
        assert (answer.status_code, answer.json if answer.status_code == 201 else answer.json["type"]) == expected

    @rule(saga=SAGAS)
    def undo(self, saga: str) -> None:
        answer = self.call("DELETE", f"/snapshot/{PROJECT}/{snap(saga)}", headers={"X-Saga-Id": saga})
        state, body, first = self.sagas.get(saga, (None, None, None))
        if state == "confirmed":
            assert (answer.status_code, answer.json and answer.json["type"]) == (409, "conflict")
            return
        assert answer.status_code == 204
        REACHED[f"undo of {state}"] += 1
        if state == "open":
            self.history.pop()
        self.sagas[saga] = ("undone", body, first)

    @rule(saga=SAGAS)
    def confirm(self, saga: str) -> None:
        answer = self.call("POST", f"/saga/{saga}/confirm")
        state, body, first = self.sagas.get(saga, (None, None, None))
        assert answer.status_code == (409 if state == "undone" else 200)
        REACHED[f"confirm of {state}"] += 1
        if state == "open":
            self.sagas[saga] = ("confirmed", body, first)

    @precondition(lambda self: self.holder() is not None)
    @rule(how=st.sampled_from(["undo", "undo", "confirm", "repeat"]))
    def go_on_with_the_open_saga(self, how: str) -> None:
        saga = self.holder()
        assert saga is not None
        if how == "undo":
            self.undo(saga)
        elif how == "confirm":
            self.confirm(saga)
        else:
            self.post(self.sagas[saga][1], "")

    @rule()
    def restart(self) -> None:
        self.open_client()

    @rule(saga=SAGAS, contents=CONTENTS)
    def act_and_die_after_the_point_of_no_return(self, saga: str, contents: dict[str, bytes]) -> None:
        apply, SnapshotStore._apply = SnapshotStore._apply, lambda *_: None  # type: ignore[method-assign,assignment]
        try:
            self.act(saga, contents, "")
        finally:
            SnapshotStore._apply = apply  # type: ignore[method-assign]
        self.call("GET", f"/snapshot/{PROJECT}")  # whoever comes next, a reader too, applies what was decided

    @rule(saga=SAGAS)
    def ask(self, saga: str) -> None:
        answer = self.call("GET", f"/saga/{saga}")
        if saga not in self.sagas:
            assert answer.status_code == 404
            return
        assert answer.json is not None
        assert answer.json["state"] == self.sagas[saga][0]

    @rule()
    def list_all(self) -> None:
        answer = self.call("GET", f"/snapshot/{PROJECT}")
        assert answer.json is not None
        assert [row["commit"] for row in reversed(answer.json["snapshots"])] == self.history
        assert answer.headers.get("X-Saga-Pending") == self.holder()

    @invariant()
    def main_is_as_in_the_model(self) -> None:
        if hasattr(self, "data"):
            assert main_of(self.data) == (self.history[-1] if self.history else None)

    @rule()
    def check(self) -> None:
        assert_sound(self.data)
        for commit in self.history:
            assert tree_of(self.data, commit) == self.trees[commit]


def test_the_model_and_the_server_agree() -> None:
    REACHED.clear()
    run_state_machine_as_test(
        GitServer,
        settings=settings(
            max_examples=30,
            stateful_step_count=25,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            derandomize=True,
            phases=[Phase.generate],  # to shrink a failure takes minutes here; add Phase.shrink when there is one
        ),
    )
    print(sum(REACHED.values()), "calls:", dict(REACHED))
    # A model that never gets anywhere agrees with everything.
    for much in ("act on None: 201 ", "act on undone: 409 saga-compensated", "act on None: 409 locked", "undo of open"):
        assert REACHED[much] >= 3
