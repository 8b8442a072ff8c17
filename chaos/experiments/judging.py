"""What came of an experiment, in one word."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Any


class Word(StrEnum):
    """What came of an experiment."""

    VALID = "valid"
    """The steady state held: the audit is valid, the claim holds, the next generation commits."""
    INVALID = "invalid"
    """It did not."""
    UNKNOWN = "unknown"
    """It proves nothing: the system was not in its steady state before, or the experiment broke off."""
    SKIPPED = "skipped"
    """It cannot be done with this system, or on this machine."""


def judge(journal: dict[str, Any], left: Sequence[str] = ()) -> tuple[Word, str]:
    """What Chaos Toolkit's journal says, in one word and one sentence.

    Args:
        left: what could not be healed, each with what to type: nothing is valid as long as it is there.
    """
    word, why = _judge(journal)
    if left:
        word = Word.UNKNOWN if word is Word.VALID else word
        why = "; ".join([*([why] if why else []), f"not healed: {'; '.join(left)}"])
    return word, why


def _judge(journal: dict[str, Any]) -> tuple[Word, str]:
    steady = journal.get("steady_states") or {}
    before, after = steady.get("before"), steady.get("after")
    if not before or not before.get("steady_state_met"):
        return Word.UNKNOWN, f"before the experiment: {_failed(before)}"
    if not after:
        return Word.UNKNOWN, f"the experiment was {journal.get('status')}"
    if not after.get("steady_state_met"):
        return Word.INVALID, _failed(after)
    return Word.VALID, ""


def _failed(state: dict[str, Any] | None) -> str:
    """The probe at which the hypothesis ended."""
    probes = (state or {}).get("probes") or ()
    if not probes:
        return "the steady state was not looked at"
    last = probes[-1]
    problem = last.get("output") if last["status"] == "succeeded" else (last.get("exception") or ["failed"])[-1].strip()
    return f"{last['activity']['name']}: {problem}"
