"""`testbed conform` as users call it, on participants of the gallery."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from chaos.conform.run import conform, names
from chaos.gallery.participants.protocol import token
from testbed.cli import main
from tests.integration.conform_support import Restartable, participants, served, tokens

CALLS = (
    *("--action", 'POST /items/{item} {"saga_id": "{saga_id}", "value": "{value}"}'),
    *("--compensation", "DELETE /items/{item}"),
)
OBSERVE = ("--observe", "GET /items/{item}")
QUICK = ("--rounds", "1", "--only", "undo-new", "--only", "late-action", "--only", "empty-compensation")


@pytest.fixture
def right(tmp_path: Path) -> Iterator[str]:
    with served(Restartable("right", tmp_path)) as url:
        yield url


@pytest.fixture
def no_barrier(tmp_path: Path) -> Iterator[str]:
    with served(Restartable("no_barrier", tmp_path)) as url:
        yield url


def called(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["conform", *arguments], catch_exceptions=False)


def header() -> tuple[str, str]:
    return "--header", f"X-INTERNAL-TOKEN: {token()}"


def test_a_right_server_is_valid_and_the_exit_status_is_0(right: str) -> None:
    done = called(right, *CALLS, *OBSERVE, *header(), *QUICK)
    assert (done.exit_code, "verdict: valid: 3 valid" in done.output) == (0, True), done.output


def test_a_wrong_one_is_told_what_a_saga_suffers_how_to_mend_it_and_what_was_sent(no_barrier: str) -> None:
    done = called(no_barrier, *CALLS, *OBSERVE, *header(), *QUICK)
    text = " ".join(done.output.split())
    assert done.exit_code == 1, done.output
    assert "✗ late-action" in text
    assert "must be refused with 409, not 201" in text
    assert "What a saga suffers from it: The action was only slow." in text
    assert "How to mend it: Let the compensation insert the barrier record" in text
    assert "action: POST /items/conform-" in text
    assert token() not in text


def test_without_an_observation_what_needs_one_is_unknown_and_the_rest_can_still_be_invalid(
    right: str, no_barrier: str
) -> None:
    assert called(right, *CALLS, *header(), *QUICK).exit_code == 2
    assert called(no_barrier, *CALLS, *header(), *QUICK).exit_code == 1


def test_what_a_server_was_never_said_to_do_is_not_held_against_it(right: str) -> None:
    only = [part for name in ("undo-new", "confirm-twice", "pending-is-locked") for part in ("--only", name)]
    done = called(right, *CALLS, *OBSERVE, *header(), *only, "--json")
    verdicts = {check["name"]: check["verdict"] for check in json.loads(done.output)["checks"]}
    assert verdicts == {"undo-new": "valid", "confirm-twice": "not claimed", "pending-is-locked": "not claimed"}
    assert done.exit_code == 0


def test_a_static_token_leaves_the_question_of_another_projects_token_open(right: str) -> None:
    done = called(right, *CALLS, *OBSERVE, *header(), "--only", "token-of-another-project")
    assert (done.exit_code, "--token-command" in done.output) == (2, True), done.output


def test_a_token_command_is_asked_for_every_project(right: str) -> None:
    command = f"{sys.executable} -m chaos.gallery.participants --token {{project}}"
    done = called(
        right,
        *("--profile", "participants", "--token-command", command, "--rounds", "1"),
        *("--only", "no-token", "--only", "bad-token", "--only", "token-of-another-project"),
    )
    assert (done.exit_code, "3 valid" in done.output) == (0, True), done.output


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("nonsense", *CALLS), "http://"),
        (("http://127.0.0.1:1", "--action", "POST /a"), "compensation"),
        (("http://127.0.0.1:1", *CALLS, "--profile", "nobody"), "filesystem, git, participants"),
        (("http://127.0.0.1:1", *CALLS, "--only", "nothing"), "late-action"),
        (("http://127.0.0.1:1", *CALLS, "--header", "X"), "NAME:VALUE"),
        (("http://127.0.0.1:1", *CALLS), "nothing answers"),
    ],
)
def test_what_cannot_be_started_exits_2_and_says_what_to_mend(arguments: tuple[str, ...], said: str) -> None:
    done = called(*arguments)
    assert (done.exit_code, said in done.output) == (2, True), done.output


def test_a_token_command_that_fails_exits_2(right: str) -> None:
    done = called(right, *CALLS, "--token-command", "echo broken >&2; exit 3")
    assert (done.exit_code, "broken" in done.output) == (2, True), done.output


def test_the_restart_command_is_run_and_waited_for(right: str, tmp_path: Path) -> None:
    command = f"touch {tmp_path}/restarted"
    done = called(
        right, *CALLS, *OBSERVE, *header(), "--restart-command", command, "--only", "remembers-over-a-restart"
    )
    assert done.exit_code == 0, done.output
    assert (tmp_path / "restarted").exists()


def test_what_stays_is_named(right: str) -> None:
    confirm = ("--confirm", "POST /saga/{saga_id}/confirm", "--only", "confirm-twice", "--prefix", "mine")
    done = called(right, *CALLS, *OBSERVE, *header(), *confirm)
    assert "left behind: 1 item(s) stays, as it is confirmed and no --cleanup was given: mine-1-item" in done.output


class Recorded:
    """Notes every request on its way to the application."""

    def __init__(self, app: Any) -> None:
        self.app = app
        self.requests: list[tuple[str, str, str]] = []

    def __call__(self, environ: Any, start_response: Any) -> Any:
        self.requests.append((environ["REQUEST_METHOD"], environ["PATH_INFO"], environ.get("HTTP_X_SAGA_ID", "")))
        return self.app(environ, start_response)


def recorded(folder: Path) -> list[tuple[str, str, str]]:
    folder.mkdir()
    app = Recorded(Restartable("right", folder))
    with served(app) as url:
        chance = ("action-and-undo-at-once", "duplicates-at-once", "hang-up-in-request", "hang-up-before-answer")
        only = [name for name in names() if name not in (*chance, "remembers-over-a-restart")]
        conform(url, participants(), prefix="same", seed=7, rounds=2, tokens=tokens, only=only)
    return app.requests


def test_the_same_seed_and_prefix_send_the_same_requests(tmp_path: Path) -> None:
    assert recorded(tmp_path / "a") == recorded(tmp_path / "b")


def test_a_participant_of_the_gallery_can_be_served_by_hand() -> None:
    said = subprocess.run(
        [sys.executable, "-m", "chaos.gallery.participants", "--help"], capture_output=True, text=True, check=True
    )
    assert "no_barrier" in said.stdout


def test_a_former_value_that_cannot_be_made_is_unknown_and_says_what_to_give(right: str) -> None:
    done = called(right, *CALLS, *OBSERVE, *header(), "--only", "undo-restores")
    assert (done.exit_code, "say with --confirm" in done.output) == (2, True), done.output
