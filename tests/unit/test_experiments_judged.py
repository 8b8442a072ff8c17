"""What Chaos Toolkit's journal amounts to, and what exit status follows."""

from __future__ import annotations

from typing import Any

import pytest

from chaos.experiments.judging import Word, judge
from chaos.experiments.runner import Outcome
from testbed.commands.chaos import exit_status


def state(met: bool, output: str = "valid") -> dict[str, Any]:
    return {
        "steady_state_met": met,
        "probes": [{"status": "succeeded", "output": output, "activity": {"name": "audit"}}],
    }


def journal(before: dict[str, Any] | None, after: dict[str, Any] | None, status: str = "completed") -> dict[str, Any]:
    return {"status": status, "steady_states": {"before": before, "after": after}}


def test_a_steady_state_that_held_is_valid() -> None:
    assert judge(journal(state(True), state(True))) == (Word.VALID, "")


def test_a_steady_state_that_broke_is_invalid_and_says_where() -> None:
    assert judge(journal(state(True), state(False, "invalid"))) == (Word.INVALID, "audit: invalid")


def test_a_probe_that_crashed_afterwards_is_not_green() -> None:
    broken = state(False)
    broken["probes"][-1] |= {"status": "failed", "exception": ["Traceback\n", "OSError: no\n"]}
    assert judge(journal(state(True), broken)) == (Word.INVALID, "audit: OSError: no")


def test_a_system_that_was_broken_before_proves_nothing() -> None:
    word, why = judge(journal(state(False, "invalid"), None))
    assert word is Word.UNKNOWN
    assert why == "before the experiment: audit: invalid"


def test_what_could_not_be_healed_is_told_and_is_never_green() -> None:
    interrupted = journal(state(True), None, "interrupted")
    left = ["git_server is paused: let it go on"]
    assert judge(interrupted, left) == (
        Word.UNKNOWN,
        "the experiment was interrupted; not healed: git_server is paused: let it go on",
    )
    assert judge(journal(state(True), state(True)), left)[0] is Word.UNKNOWN
    assert judge(journal(state(True), state(False)), left)[0] is Word.INVALID


@pytest.mark.parametrize("status", ["interrupted", "aborted"])
def test_an_experiment_that_broke_off_proves_nothing(status: str) -> None:
    assert judge(journal(state(True), None, status)) == (Word.UNKNOWN, f"the experiment was {status}")


def test_an_experiment_that_never_looked_proves_nothing() -> None:
    assert judge({"status": "failed"})[0] is Word.UNKNOWN


@pytest.mark.parametrize(
    ("words", "status"),
    [
        ([Word.VALID], 0),
        ([Word.VALID, Word.SKIPPED], 0),
        ([Word.SKIPPED], 2),
        ([], 2),
        ([Word.VALID, Word.UNKNOWN], 2),
        ([Word.UNKNOWN, Word.INVALID, Word.VALID], 1),
    ],
)
def test_the_exit_status_follows_the_worst_word(words: list[Word], status: int) -> None:
    assert exit_status(Outcome("one", word, "", 0.0, None) for word in words) == status
