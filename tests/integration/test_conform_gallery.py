"""Every wrong participant fails exactly the checks that its bug breaks, and the right one fails none."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from chaos.auditor.verdicts import Verdict
from chaos.conform.report import Report
from chaos.conform.run import conform, names
from chaos.gallery import participants as gallery
from tests.integration.conform_support import ROUNDS, participants, tokens, tried

REMEMBERS = {"remembers-among-many", "remembers-over-a-restart"}
HANGS_UP = {"hang-up-in-request", "hang-up-before-answer"}
REPEATS = {"repeated-action-same-answer", "duplicates-at-once"} | HANGS_UP | REMEMBERS
FAILS: dict[str, set[str]] = {
    "right": set(),
    "answers_before_effect": {"action-takes-effect", "repeated-action-one-effect", "duplicates-at-once"}
    | HANGS_UP
    | {"undo-spares-others", "undo-twice-spares-later-work"},
    "check_then_act": {"action-and-undo-at-once"},
    "crashes_on_bad_input": {"broken-json", "wrong-fields"},
    "delete_instead_of_restore": {"undo-restores"} | REMEMBERS,
    "duplicates_both_act": {"duplicates-at-once"},
    "effect_before_validation": {"wrong-fields"},
    "empty_undo_404": {"empty-compensation", "late-action"},
    "every_project": {"token-of-another-project"},
    "forgets_the_oldest": {"remembers-among-many"},
    "key_without_body": {"same-key-other-body"},
    "keys_in_memory": {"remembers-over-a-restart"},
    "no_barrier": {"late-action", "action-after-undo", "action-and-undo-at-once"} | REMEMBERS,
    "no_idempotency_key": REPEATS | {"repeated-action-one-effect", "repeated-action-undone", "same-key-other-body"},
    "no_lock": {"pending-is-locked"},
    "open_door": {"no-token", "bad-token", "token-of-another-project"},
    "repeat_is_conflict": REPEATS,
    "second_undo_404": {"undo-twice"},
    "second_undo_restores_again": {"undo-twice-spares-later-work"},
    "undo_by_item": {"undo-spares-others"},
    "undoes_the_confirmed": {"undo-after-confirm"},
}
EVERY_DAY = {"right", "check_then_act", "delete_instead_of_restore", "no_barrier"}
CASES = [pytest.param(name, marks=() if name in EVERY_DAY else pytest.mark.slow) for name in FAILS]
SCRIPT = Path(gallery.__file__).parent / "looks_then_awaits.mjs"


def assert_fails(report: Report, expected: set[str]) -> None:
    """These checks are invalid, and every other one is valid."""
    said = {result.check.name: result.said for result in report.results if result.verdict is not Verdict.VALID}
    assert report.named(Verdict.INVALID) == expected, said
    assert report.named(Verdict.VALID) == set(names()) - expected, said


def test_every_participant_of_the_gallery_has_its_failures_pinned() -> None:
    assert set(gallery.NAMES) == FAILS.keys()


@pytest.mark.parametrize("name", CASES)
def test_it_fails_exactly_the_checks_that_its_bug_breaks(name: str, tmp_path: Path) -> None:
    assert_fails(tried(name, tmp_path), FAILS[name])


@pytest.fixture
def node_server() -> Iterator[str]:
    node = shutil.which("node")
    if node is None:
        pytest.skip("there is no node on this machine")
    with subprocess.Popen([node, str(SCRIPT)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
        process.kill()


def test_a_server_in_another_language_is_judged_alike(node_server: str) -> None:
    spec = participants(skip=("remembers-over-a-restart",))
    report = conform(node_server, spec, prefix="conform-node", rounds=ROUNDS, tokens=tokens)
    assert report.named(Verdict.INVALID) == {"duplicates-at-once"}
    assert report.named(None) == {"remembers-over-a-restart"}
    assert not report.named(Verdict.UNKNOWN)
